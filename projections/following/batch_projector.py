"""Projects a batch of the log: folds the streams that it touched into the live tables, and moves the position."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor, DataError, IntegrityError

from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from store.database import Database

MAX_EVENTS = 1_000
POISON_ERRORS = (DataError, IntegrityError)  # what the data of a stream can cause in its fold, and nothing else can

# the planner knows nothing of a young log, and would read all of it for each batch
LOCK_POSITION = """
SELECT position, set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
FROM {schema}.follower FOR UPDATE
"""
ADVANCE_POSITION = "UPDATE {schema}.follower SET position = %(position)s, moved_at = clock_timestamp()"
LIVE_TABLES = """
SELECT name, version, live_table, EXISTS (SELECT FROM {schema}.dead_letters WHERE read_model = name) AS has_dead_letters
FROM {schema}.read_models
"""
TOUCHED_STREAMS = """
SELECT stream_id, array_agg(DISTINCT split_part(type, '.', 1)) AS names,
       max(position) AS position, count(*) AS events
FROM (
    SELECT position, stream_id, type FROM {schema}.events
    WHERE position > coalesce(%(after)s, (SELECT position FROM {schema}.follower)) AND position <= %(until)s
    ORDER BY position LIMIT %(limit)s
) AS batch
GROUP BY stream_id
"""
ADD_DEAD_LETTER = """
INSERT INTO {schema}.dead_letters (read_model, stream_id, position, error)
VALUES (%(read_model)s, %(stream)s, %(position)s, %(error)s)
ON CONFLICT (read_model, stream_id)
DO UPDATE SET position = excluded.position, error = excluded.error, failed_at = clock_timestamp()
"""
DELETE_DEAD_LETTERS = (
    "DELETE FROM {schema}.dead_letters WHERE read_model = %(read_model)s AND stream_id = ANY(%(log_streams)s)"
)


class SteppedDown(Exception):
    """A read model's live table is of another version than this program folds."""


@dataclass(frozen=True, slots=True)
class TouchedStream:
    """A stream with the names of the events that touched it."""

    stream_id: UUID
    event_names: set[str]


@dataclass(frozen=True, slots=True)
class BatchProjector:
    """Folds batches of the log into the live tables, on one connection."""

    db: Database
    connection: Connection[dict[str, Any]]
    models: Sequence[ReadModel]

    def project_batch(self, settled: int, limit: int = MAX_EVENTS) -> int:
        """Folds what the next events touched, up to a settled position. Returns the position that is now reached.

        Raises SteppedDown, and psycopg.Error: then nothing has changed.
        """
        try:
            return self._project_batch(settled, limit, isolate_poison=False)
        except POISON_ERRORS:
            return self._project_batch(settled, limit, isolate_poison=True)

    def _project_batch(self, settled: int, limit: int, isolate_poison: bool) -> int:
        with self.connection.transaction():
            position, live_tables, touched_streams, until = self.read_next_batch(settled, limit)
            if not touched_streams and position >= settled:
                return position
            with nullcontext() if isolate_poison else self.connection.pipeline():  # a savepoint has to know what failed
                for model in self.models:
                    self.fold_streams(model, live_tables[model.name], touched_streams, until, isolate_poison)
                self.execute(ADVANCE_POSITION, {"position": until})
            return until

    def read_next_batch(
        self, settled: int, limit: int
    ) -> tuple[int, dict[str, dict[str, Any]], list[TouchedStream], int]:
        """The position, now locked, the live tables, the streams touched next, and the position up to there.

        One round trip. Raises SteppedDown.
        """
        with self.connection.pipeline():
            position_cursor, live_tables_cursor = self.execute(LOCK_POSITION, {}), self.execute(LIVE_TABLES, {})
            touched_cursor = self.execute(TOUCHED_STREAMS, {"after": None, "until": settled, "limit": limit})
        position: int = position_cursor.fetchall()[0]["position"]
        return (
            position,
            self.check_versions(live_tables_cursor.fetchall()),
            *read_touched_streams(touched_cursor, settled, limit),
        )

    def find_touched_streams(self, after: int, until: int) -> tuple[list[TouchedStream], int]:
        """The streams that the next events touched, and the position up to which the list is complete."""
        cursor = self.execute(TOUCHED_STREAMS, {"after": after, "until": until, "limit": MAX_EVENTS})
        return read_touched_streams(cursor, until, MAX_EVENTS)

    def find_live_tables(self) -> dict[str, dict[str, Any]]:
        """The rows of the live tables by read model name.

        Raises SteppedDown unless each has the version of this program.
        """
        return self.check_versions(self.fetch_rows(LIVE_TABLES, {}))

    def check_versions(self, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Live tables by read model name. Raises SteppedDown for a version that this program does not fold."""
        tables = {row["name"]: row for row in rows}
        for model in self.models:
            if tables.get(model.name, {}).get("version") != model.version:
                raise SteppedDown(f"{model.name} is not live in version {model.version}")
        return tables

    def fold_streams(
        self,
        model: ReadModel,
        live_table: dict[str, Any],
        touched_streams: Sequence[TouchedStream],
        until: int,
        isolate_poison: bool,
    ) -> None:
        """Folds the streams that a read model uses. With `isolate_poison`, those that fail become dead letters."""
        stream_ids = [stream.stream_id for stream in touched_streams if model.is_affected_by(stream.event_names)]
        if not stream_ids:
            return
        if isolate_poison:
            self.isolate_poison_streams(model, live_table["live_table"], stream_ids, until)
        else:
            self.refold_streams(model, live_table["live_table"], stream_ids, until)
        if live_table["has_dead_letters"] and not isolate_poison:
            self.execute(DELETE_DEAD_LETTERS, {"read_model": model.name, "log_streams": stream_ids})

    def refold_streams(self, model: ReadModel, table: str, stream_ids: Sequence[UUID], until: int) -> None:
        """Replaces the rows of some streams by their fold up to a position."""
        params = {"log_streams": list(stream_ids), "log_until": until}
        self.execute(f'DELETE FROM {{schema}}."{table}" WHERE {model.key} = ANY(%(log_streams)s)', params)
        fold_query = model.build_fold_query(streams=True, until=True)
        self.execute(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold_query}', params)

    def isolate_poison_streams(self, model: ReadModel, table: str, stream_ids: Sequence[UUID], until: int) -> None:
        """Folds streams by bisection: each one that cannot be folded becomes a dead letter."""
        try:
            with self.connection.transaction():
                self.refold_streams(model, table, stream_ids, until)
                self.execute(DELETE_DEAD_LETTERS, {"read_model": model.name, "log_streams": list(stream_ids)})
        except POISON_ERRORS as error:
            if len(stream_ids) == 1:
                self.add_dead_letter(model, stream_ids[0], until, error)
                return
            middle = len(stream_ids) // 2
            self.isolate_poison_streams(model, table, stream_ids[:middle], until)
            self.isolate_poison_streams(model, table, stream_ids[middle:], until)

    def add_dead_letter(self, model: ReadModel, stream_id: UUID, until: int, error: Exception) -> None:
        """Records a stream that could not be folded. Its row stays as it was."""
        params = {"read_model": model.name, "stream": stream_id, "position": until, "error": str(error)}
        self.execute(ADD_DEAD_LETTER, params)

    def fetch_rows(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Runs a statement and returns its rows."""
        return self.execute(text, params).fetchall()

    def execute(self, text: str, params: dict[str, Any]) -> Cursor[dict[str, Any]]:
        """Runs a statement with its schema filled in."""
        return self.connection.execute(compile_statement(self.db.schema, self.db.reporting, text), params)


def read_touched_streams(cursor: Cursor[dict[str, Any]], until: int, limit: int) -> tuple[list[TouchedStream], int]:
    """The touched streams, and the position up to which they are complete: a full batch ends before `until`."""
    rows = cursor.fetchall()
    if sum(row["events"] for row in rows) >= limit:
        until = max(row["position"] for row in rows)
    return [TouchedStream(row["stream_id"], set(row["names"])) for row in rows], until
