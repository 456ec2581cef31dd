"""Folds what was touched in a stretch of the log into the live tables, and moves the position, in one transaction."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor, DataError, IntegrityError

from projections.queries.query import statement
from projections.read_model import ReadModel
from store.database import Database

MOST_EVENTS = 1_000
POISON = (DataError, IntegrityError)  # what the data of a stream can do to its fold, and nothing else can

# the planner knows nothing of a young log, and would read all of it for each batch
LOCK_POSITION = """
SELECT position, set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
FROM {schema}.follower FOR UPDATE
"""
MOVE = "UPDATE {schema}.follower SET position = %(position)s, moved_at = clock_timestamp()"
LIVE = """
SELECT name, version, live_table, EXISTS (SELECT FROM {schema}.dead_letters WHERE read_model = name) AS has_dead_letters
FROM {schema}.read_models
"""
TOUCHED = """
SELECT stream_id, array_agg(DISTINCT split_part(type, '.', 1)) AS names,
       max(position) AS position, count(*) AS events
FROM (
    SELECT position, stream_id, type FROM {schema}.events
    WHERE position > coalesce(%(after)s, (SELECT position FROM {schema}.follower)) AND position <= %(until)s
    ORDER BY position LIMIT %(limit)s
) AS batch
GROUP BY stream_id
"""
BURY = """
INSERT INTO {schema}.dead_letters (read_model, stream_id, position, error)
VALUES (%(read_model)s, %(stream)s, %(position)s, %(error)s)
ON CONFLICT (read_model, stream_id)
DO UPDATE SET position = excluded.position, error = excluded.error, failed_at = clock_timestamp()
"""
REVIVE = "DELETE FROM {schema}.dead_letters WHERE read_model = %(read_model)s AND stream_id = ANY(%(log_streams)s)"


class SteppedDown(Exception):
    """A read model's live table is of another version than this program folds."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A stream with the names of the events that touched it."""

    stream_id: UUID
    names: set[str]


@dataclass(frozen=True, slots=True)
class Folding:
    """Folds into the live tables, on one connection."""

    db: Database
    connection: Connection[dict[str, Any]]
    models: Sequence[ReadModel]

    def batch(self, settled: int, limit: int = MOST_EVENTS) -> int:
        """Folds what the next events touched, none beyond a settled position; the position that is now reached.

        Raises SteppedDown, and psycopg.Error when nothing has happened.
        """
        try:
            return self._batch(settled, limit, careful=False)
        except POISON:
            return self._batch(settled, limit, careful=True)

    def _batch(self, settled: int, limit: int, careful: bool) -> int:
        with self.connection.transaction():
            position, tables, touched, until = self.upcoming(settled, limit)
            if not touched and position >= settled:
                return position
            with nullcontext() if careful else self.connection.pipeline():  # a savepoint has to know what failed
                for model in self.models:
                    self.fold(model, tables[model.name], touched, until, careful)
                self.run(MOVE, {"position": until})
            return until

    def upcoming(self, settled: int, limit: int) -> tuple[int, dict[str, dict[str, Any]], list[Touched], int]:
        """The position, locked from now on, the live tables, the streams touched next, and up to which position.

        In one round trip. Raises SteppedDown.
        """
        with self.connection.pipeline():
            locked, live = self.run(LOCK_POSITION, {}), self.run(LIVE, {})
            found = self.run(TOUCHED, {"after": None, "until": settled, "limit": limit})
        position: int = locked.fetchall()[0]["position"]
        return position, self.of_known_versions(live.fetchall()), *limited(found, settled, limit)

    def touched(self, after: int, until: int) -> tuple[list[Touched], int]:
        """The streams that the next events touched, and the position up to which these are all of them."""
        found = self.run(TOUCHED, {"after": after, "until": until, "limit": MOST_EVENTS})
        return limited(found, until, MOST_EVENTS)

    def live_tables(self) -> dict[str, dict[str, Any]]:
        """The live tables by the read models' names. Raises SteppedDown unless each is of the version known here."""
        return self.of_known_versions(self.rows(LIVE, {}))

    def of_known_versions(self, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Live tables by the read models' names. Raises SteppedDown."""
        tables = {row["name"]: row for row in rows}
        for model in self.models:
            if tables.get(model.name, {}).get("version") != model.version:
                raise SteppedDown(f"{model.name} is not live in version {model.version}")
        return tables

    def fold(
        self, model: ReadModel, live: dict[str, Any], touched: Sequence[Touched], until: int, careful: bool
    ) -> None:
        """Folds the streams that matter to a read model again; one at a time where it must be careful."""
        streams = [stream.stream_id for stream in touched if model.looks_at(stream.names)]
        if not streams:
            return
        if careful:
            self.carefully(model, live["live_table"], streams, until)
        else:
            self.refold(model, live["live_table"], streams, until)
        if live["has_dead_letters"] and not careful:
            self.run(REVIVE, {"read_model": model.name, "log_streams": streams})

    def refold(self, model: ReadModel, table: str, streams: Sequence[UUID], until: int) -> None:
        """Replaces the rows of some streams by their fold up to a position."""
        bound = {"log_streams": list(streams), "log_until": until}
        self.run(f'DELETE FROM {{schema}}."{table}" WHERE {model.key} = ANY(%(log_streams)s)', bound)
        fold = model.fold(streams=True, until=True)
        self.run(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold}', bound)

    def carefully(self, model: ReadModel, table: str, streams: Sequence[UUID], until: int) -> None:
        """The same, halving the streams until those that cannot be folded stand alone: they become dead letters."""
        try:
            with self.connection.transaction():
                self.refold(model, table, streams, until)
                self.run(REVIVE, {"read_model": model.name, "log_streams": list(streams)})
        except POISON as error:
            if len(streams) == 1:
                self.bury(model, streams[0], until, error)
                return
            middle = len(streams) // 2
            self.carefully(model, table, streams[:middle], until)
            self.carefully(model, table, streams[middle:], until)

    def bury(self, model: ReadModel, stream: UUID, until: int, error: Exception) -> None:
        """Names a stream that could not be folded; its row stays as it was."""
        letter = {"read_model": model.name, "stream": stream, "position": until, "error": str(error)}
        self.run(BURY, letter)

    def rows(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement."""
        return self.run(text, params).fetchall()

    def run(self, text: str, params: dict[str, Any]) -> Cursor[dict[str, Any]]:
        """Runs a statement, its schema filled in."""
        return self.connection.execute(statement(self.db.schema, self.db.reporting, text), params)


def limited(found: Cursor[dict[str, Any]], until: int, limit: int) -> tuple[list[Touched], int]:
    """What was found touched, and the position up to which that is all: a full batch ends before `until`."""
    rows = found.fetchall()
    if sum(row["events"] for row in rows) >= limit:
        until = max(row["position"] for row in rows)
    return [Touched(row["stream_id"], set(row["names"])) for row in rows], until
