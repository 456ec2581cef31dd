"""Builds read models anew beside the live ones while those are followed and read, then switches to all at one instant.

Each step commits by itself. A table that no row of `read_models` names is a leftover, and the next one drops it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from psycopg import Error
from psycopg.errors import LockNotAvailable

from projections.following.batch_projector import Folding
from projections.read_model import ReadModel
from projections.rebuild.load import Built, Loading
from projections.rebuild.progress import Claim
from projections.rebuild.swap import Switching

GRACE_SECONDS = 0.25  # for questions that have read the name of an old table, and not yet the table

POSITION = "SELECT position FROM {schema}.follower"
LEFTOVERS = r"""
SELECT tablename FROM pg_tables
WHERE schemaname = %(schema)s AND tablename ~ ('^(' || %(names)s || ')_v\d+_g\d+$')
AND tablename NOT IN (SELECT live_table FROM {schema}.read_models)
"""


@dataclass(frozen=True, slots=True)
class Building:
    """Builds `models` under a claim; `catalogue` is all read models, which the reporting views need."""

    claim: Claim
    catalogue: Sequence[ReadModel]
    models: Sequence[ReadModel]

    def run(self) -> list[Built]:
        """Builds all, then switches to all. Raises CannotFold, NoMomentToSwitch, psycopg.Error: nothing has changed."""
        try:
            self.drop_leftovers()
            built = self.build(Folding(self.claim.db, self.claim.connection, self.catalogue))
        except Exception as error:
            self.claim.failed(error)
            with suppress(Error):
                self.drop_leftovers()
            raise
        if self.leftovers():
            time.sleep(GRACE_SECONDS)
            self.drop_leftovers()
        self.claim.forget()
        return built

    def build(self, folding: Folding) -> list[Built]:
        """Loads up to where the follower is now, and switches."""
        loading = Loading(self.claim, folding)
        until: int = self.claim.run(POSITION)[0]["position"]
        progress = loading.totals(self.models, until)
        tables = {model: loading.create(model) for model in self.models}
        built = [loading.load(model, table, until, progress[model]) for model, table in tables.items()]
        Switching(self.claim, folding, tables).run(until)
        return built

    def leftovers(self) -> list[str]:
        """Tables that are live no more, or were never."""
        names = "|".join(model.name for model in self.catalogue)
        return [row["tablename"] for row in self.claim.run(LEFTOVERS, schema=self.claim.db.schema, names=names)]

    def drop_leftovers(self) -> None:
        """Drops them; one that somebody still reads is left for the next time."""
        for table in self.leftovers():
            with suppress(LockNotAvailable), self.claim.connection.transaction():
                self.claim.run("SET LOCAL lock_timeout = '1s'")
                self.claim.run(f'DROP TABLE IF EXISTS {{schema}}."{table}"')
