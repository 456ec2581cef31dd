"""Brings new tables up to the follower's position, in rounds, then switches to them.

The follower waits only for the switch.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import LockNotAvailable

from domain.refusals import Refusal
from projections.following.batch_projector import LOCK_POSITION, BatchProjector, select_stream_ids
from projections.following.poison import halve_list, isolate_poison
from projections.read_model import ReadModel
from projections.rebuild.load import CannotFold
from projections.rebuild.progress import RebuildLock
from projections.reporting import define_views
from projections.table_lookup import find_live_tables

MAX_EVENTS_BEHIND = 300  # that may be left to fold in the transaction that switches
TIMEOUT_SECONDS = 300.0
RETRY_PAUSE_SECONDS = 0.05

SET_LIVE_TABLE = """
INSERT INTO {schema}.read_models (name, version, live_table) VALUES (%(name)s, %(version)s, %(table)s)
ON CONFLICT (name)
DO UPDATE SET version = excluded.version, live_table = excluded.live_table, built_at = clock_timestamp()
"""
DELETE_DEAD_LETTERS = "DELETE FROM {schema}.dead_letters WHERE read_model = %(name)s"


class NoMomentToSwitch(Refusal):
    """Somebody was reading the reporting views all the time, so there was no moment to switch. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class TableSwap:
    """Switches to the new `tables`, by their read models, under the rebuild lock."""

    lock: RebuildLock
    projector: BatchProjector
    tables: Mapping[ReadModel, str]

    def run(self, loaded_position: int) -> None:
        """Catches up from the position that was loaded, and switches as soon as the locks are free.

        Raises CannotFold, NoMomentToSwitch.
        """
        deadline = time.monotonic() + TIMEOUT_SECONDS
        caught_up_position = loaded_position
        while time.monotonic() < deadline:
            caught_up_position = self.catch_up(caught_up_position)
            with suppress(LockNotAvailable), self.lock.connection.transaction():
                self.switch_tables(caught_up_position)
                return
            time.sleep(RETRY_PAUSE_SECONDS)
        raise NoMomentToSwitch

    def catch_up(self, after: int) -> int:
        """Folds what the follower has folded meanwhile, until few events are left.

        Returns the position that it reached.
        """
        while (until := self.projector.read_position()) - after > MAX_EVENTS_BEHIND:
            while after < until:
                with self.lock.connection.transaction():
                    self.lock.execute("SET LOCAL enable_seqscan = off")
                    after = self.fold_next_batch(after, until)
        return after

    def fold_next_batch(self, after: int, until: int) -> int:
        """Folds the streams that the next events touched. Returns the position up to which that is done."""
        touched_streams, until = self.projector.find_touched_streams(after, until)
        for model, table in self.tables.items():
            stream_ids = select_stream_ids(model, touched_streams)
            if stream_ids:
                self.refold_streams(model, table, stream_ids, until)
        return until

    def refold_streams(self, model: ReadModel, table: str, stream_ids: Sequence[UUID], until: int) -> None:
        """Folds some streams again. Raises CannotFold."""

        def fold(part: Sequence[UUID]) -> None:
            self.projector.refold_streams(model, table, part, until)

        for (stream_id,), error in isolate_poison(self.lock.connection, stream_ids, fold, halve_list):
            raise CannotFold(model, stream_id, error) from error

    def switch_tables(self, after: int) -> None:
        """Switches, in the current transaction. Raises LockNotAvailable, also when too many events arrived meanwhile.

        The views come first: their readers may delay this transaction, and must not delay the follower through it.
        """
        self.lock.execute("SET LOCAL lock_timeout = '100ms'")
        define_views(self.lock.connection, self.lock.db, self.find_next_tables())
        follower_position: int = self.projector.fetch_rows(LOCK_POSITION)[0]["position"]
        if follower_position - after > 2 * MAX_EVENTS_BEHIND:
            raise LockNotAvailable("too much has come meanwhile")
        if after < follower_position:
            self.fold_next_batch(after, follower_position)
        for model, table in self.tables.items():
            self.projector.execute(SET_LIVE_TABLE, {"name": model.name, "version": model.version, "table": table})
            self.projector.execute(DELETE_DEAD_LETTERS, {"name": model.name})

    def find_next_tables(self) -> dict[ReadModel, str]:
        """The tables of all read models after the switch: the new ones, and the live ones of the others."""
        live_tables = find_live_tables(self.projector.fetch_rows)
        return {model: self.tables.get(model) or live_tables[model.name].table for model in self.projector.models}
