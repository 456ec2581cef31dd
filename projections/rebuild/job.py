"""Builds new tables of read models beside the live ones, then switches to all of them at once.

The live tables are followed and read meanwhile. Each step commits by itself. A table that no row of `read_models`
names is a leftover; the next rebuild drops it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from psycopg import Error
from psycopg.errors import LockNotAvailable

from projections.following.batch_projector import BatchProjector
from projections.read_model import ReadModel
from projections.rebuild.load import RebuildResult, TableLoader
from projections.rebuild.progress import RebuildLock
from projections.rebuild.swap import TableSwap
from projections.table_lookup import LIVE_TABLES

GRACE_SECONDS = 0.25  # queries that have read the name of an old table may still have to read its rows
LEFTOVER_TABLES = rf"""
SELECT tablename FROM pg_tables
WHERE schemaname = %(schema)s AND tablename ~ ('^(' || %(names)s || ')_v\d+_g\d+$')
AND tablename NOT IN (SELECT live_table FROM ({LIVE_TABLES}) AS live)
"""


@dataclass(frozen=True, slots=True)
class RebuildRun:
    """A rebuild of `models` that has begun. `catalogue` is all read models; the reporting views need them."""

    lock: RebuildLock
    catalogue: Sequence[ReadModel]
    models: Sequence[ReadModel]

    @classmethod
    def begin(cls, lock: RebuildLock, catalogue: Sequence[ReadModel], models: Sequence[ReadModel]) -> "RebuildRun":
        """Records that these read models are being rebuilt. Releases the lock on an error. Raises psycopg.Error."""
        with lock.release_on_error():
            lock.announce_rebuild(models)
        return cls(lock, catalogue, models)

    def run(self) -> list[RebuildResult]:
        """Builds all tables, switches to them, and releases the lock. Returns one result for each model.

        Raises CannotFold, NoMomentToSwitch, psycopg.Error: then nothing has changed.
        """
        try:
            results = self.build_or_clean_up()
            if self.list_leftover_tables():
                time.sleep(GRACE_SECONDS)
                self.drop_leftover_tables()
            self.lock.clear_rebuilds()
            return results
        finally:
            self.lock.release()

    def stop(self) -> None:
        """Cancels the rebuild, from another thread. Nothing has changed then. Raises psycopg.Error."""
        self.lock.connection.cancel_safe(timeout=2)

    def build_or_clean_up(self) -> list[RebuildResult]:
        """Builds the tables and switches to them. After an error, records it and drops the new tables."""
        try:
            self.drop_leftover_tables()
            return self.build_tables(BatchProjector(self.lock.db, self.lock.connection, self.catalogue))
        except Exception as error:
            self.lock.record_failure(error)
            with suppress(Error):
                self.drop_leftover_tables()
            raise

    def build_tables(self, projector: BatchProjector) -> list[RebuildResult]:
        """Loads the tables up to the follower's position, then switches to them. Returns one result for each model."""
        loader = TableLoader(self.lock, projector)
        until = projector.read_position()
        progress = loader.count_events(self.models, until)
        tables = {model: loader.create_table(model) for model in self.models}
        results = [loader.load_table(model, table, until, progress[model]) for model, table in tables.items()]
        TableSwap(self.lock, projector, tables).run(until)
        return results

    def list_leftover_tables(self) -> list[str]:
        """The names of tables that are no longer live, or never were."""
        names = "|".join(model.name for model in self.catalogue)
        return [row["tablename"] for row in self.lock.execute(LEFTOVER_TABLES, schema=self.lock.db.schema, names=names)]

    def drop_leftover_tables(self) -> None:
        """Drops the leftover tables. One that is still being read stays until the next rebuild."""
        for table in self.list_leftover_tables():
            with suppress(LockNotAvailable), self.lock.connection.transaction():
                self.lock.execute("SET LOCAL lock_timeout = '1s'")
                self.lock.execute(f'DROP TABLE IF EXISTS {{schema}}."{table}"')
