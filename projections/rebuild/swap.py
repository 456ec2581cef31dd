"""Brings new tables up to where the follower is, in rounds, then switches: the follower waits for a moment only."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import LockNotAvailable

from domain.refusals import Refusal
from projections.following.batch_projector import LOCK_POSITION, POISON, Folding
from projections.read_model import ReadModel
from projections.rebuild.load import CannotFold
from projections.rebuild.progress import Claim
from projections.reporting import define_views

FEW_EVENTS = 300  # that may be left for the switch itself
PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 0.05

POSITION = "SELECT position FROM {schema}.follower"
LIVE = "SELECT name, version, live_table FROM {schema}.read_models"
SWITCH = """
INSERT INTO {schema}.read_models (name, version, live_table) VALUES (%(name)s, %(version)s, %(table)s)
ON CONFLICT (name)
DO UPDATE SET version = excluded.version, live_table = excluded.live_table, built_at = clock_timestamp()
"""
ALL_FOLDED = "DELETE FROM {schema}.dead_letters WHERE read_model = %(name)s"


class NoMomentToSwitch(Refusal):
    """Somebody was reading the reporting views all the time, so there was no moment to switch. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class Switching:
    """Switches to the new `tables`, by their read models, under a claim."""

    claim: Claim
    folding: Folding
    tables: Mapping[ReadModel, str]

    def run(self, loaded: int) -> None:
        """Catches up from the position that was loaded, and switches as soon as there is a moment for it.

        Raises CannotFold, NoMomentToSwitch.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        reached = loaded
        while time.monotonic() < deadline:
            reached = self.catch_up(reached)
            with suppress(LockNotAvailable), self.claim.connection.transaction():
                self.switch(reached)
                return
            time.sleep(PAUSE_SECONDS)
        raise NoMomentToSwitch

    def position(self) -> int:
        """Where the follower is."""
        return int(self.folding.rows(POSITION, {})[0]["position"])

    def catch_up(self, after: int) -> int:
        """Folds again what the follower has folded meanwhile, until little is left; the position reached."""
        while (until := self.position()) - after > FEW_EVENTS:
            while after < until:
                with self.claim.connection.transaction():
                    self.claim.run("SET LOCAL enable_seqscan = off")
                    after = self.fold_next(after, until)
        return after

    def fold_next(self, after: int, until: int) -> int:
        """Folds the streams again that the next events touched; the position up to which that is done."""
        touched, until = self.folding.touched(after, until)
        for model, table in self.tables.items():
            streams = [stream.stream_id for stream in touched if model.looks_at(stream.names)]
            if streams:
                self.refold(model, table, streams, until)
        return until

    def refold(self, model: ReadModel, table: str, streams: Sequence[UUID], until: int) -> None:
        """Folds some streams again. Raises CannotFold."""
        try:
            with self.claim.connection.transaction():
                self.folding.refold(model, table, streams, until)
        except POISON as error:
            if len(streams) == 1:
                raise CannotFold(model, streams[0], error) from error
            middle = len(streams) // 2
            self.refold(model, table, streams[:middle], until)
            self.refold(model, table, streams[middle:], until)

    def switch(self, after: int) -> None:
        """Switches, in the transaction at hand. Raises LockNotAvailable, also when too much has come meanwhile.

        The views come first: who reads them may hold us up, and must not hold up the follower through us.
        """
        self.claim.run("SET LOCAL lock_timeout = '100ms'")
        live = {row["name"]: row["live_table"] for row in self.folding.rows(LIVE, {})}
        live |= {model.name: table for model, table in self.tables.items()}
        define_views(self.claim.connection, self.claim.db, {model: live[model.name] for model in self.folding.models})
        reached: int = self.folding.rows(LOCK_POSITION, {})[0]["position"]
        if reached - after > 2 * FEW_EVENTS:
            raise LockNotAvailable("too much has come meanwhile")
        if after < reached:
            self.fold_next(after, reached)
        for model, table in self.tables.items():
            self.folding.run(SWITCH, {"name": model.name, "version": model.version, "table": table})
            self.folding.run(ALL_FOLDED, {"name": model.name})
