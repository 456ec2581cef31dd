"""Projects a batch of the log: folds the streams that it touched into the live tables, and moves the position."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor

from projections.following.poison import POISON_ERRORS, halve_list, isolate_poison
from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from projections.table_lookup import LIVE_TABLES, LiveTable, find_live_tables, to_live_tables
from store.database import Database

MAX_EVENTS = 1_000

# without statistics of a new log, the planner would read all of it for each batch
LOCK_POSITION = """
SELECT position, set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
FROM {schema}.follower FOR UPDATE
"""
FOLLOWER_POSITION = "SELECT position FROM {schema}.follower"
ADVANCE_POSITION = "UPDATE {schema}.follower SET position = %(position)s, moved_at = clock_timestamp()"
LIVE_TABLES_WITH_DEAD_LETTERS = f"""
SELECT live.*, EXISTS (SELECT FROM {{schema}}.dead_letters WHERE read_model = live.name) AS has_dead_letters
FROM ({LIVE_TABLES}) AS live
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
class Batch:
    """What the next events touched.

    `position` is the follower's, now locked; `streams` is complete up to `until`; `dead_letters` names the read models
    that have some.
    """

    position: int
    until: int
    streams: list[TouchedStream]
    live_tables: dict[str, LiveTable]
    dead_letters: set[str]


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
            return self._project_batch(settled, limit, has_poison=False)
        except POISON_ERRORS:
            return self._project_batch(settled, limit, has_poison=True)

    def _project_batch(self, settled: int, limit: int, has_poison: bool) -> int:
        with self.connection.transaction():
            batch = self.read_next_batch(settled, limit)
            if not batch.streams and batch.position >= settled:
                return batch.position
            with nullcontext() if has_poison else self.connection.pipeline():  # a savepoint has to know what failed
                for model in self.models:
                    self.fold_batch(model, batch, has_poison)
                self.execute(ADVANCE_POSITION, {"position": batch.until})
            return batch.until

    def read_next_batch(self, settled: int, limit: int) -> Batch:
        """Locks the position, and reads the next batch, in one round trip. Raises SteppedDown."""
        with self.connection.pipeline():
            position_cursor = self.execute(LOCK_POSITION)
            live_tables_cursor = self.execute(LIVE_TABLES_WITH_DEAD_LETTERS)
            touched_cursor = self.execute(TOUCHED_STREAMS, {"after": None, "until": settled, "limit": limit})
        position: int = position_cursor.fetchall()[0]["position"]
        rows = live_tables_cursor.fetchall()
        live_tables = self.check_versions(to_live_tables(rows))
        streams, until = read_touched_streams(touched_cursor, settled, limit)
        dead_letters = {row["name"] for row in rows if row["has_dead_letters"]}
        return Batch(position, until, streams, live_tables, dead_letters)

    def read_position(self) -> int:
        """The follower's position."""
        return int(self.fetch_rows(FOLLOWER_POSITION)[0]["position"])

    def find_touched_streams(self, after: int, until: int) -> tuple[list[TouchedStream], int]:
        """The streams that the next events touched, and the position up to which the list is complete."""
        cursor = self.execute(TOUCHED_STREAMS, {"after": after, "until": until, "limit": MAX_EVENTS})
        return read_touched_streams(cursor, until, MAX_EVENTS)

    def find_live_tables(self) -> dict[str, LiveTable]:
        """The live tables by read model name. Raises SteppedDown for a version that this program does not fold."""
        return self.check_versions(find_live_tables(self.fetch_rows))

    def check_versions(self, live_tables: dict[str, LiveTable]) -> dict[str, LiveTable]:
        """The same live tables. Raises SteppedDown unless each has the version of this program."""
        for model in self.models:
            live_table = live_tables.get(model.name)
            if live_table is None or live_table.version != model.version:
                raise SteppedDown(f"{model.name} is not live in version {model.version}")
        return live_tables

    def fold_batch(self, model: ReadModel, batch: Batch, has_poison: bool) -> None:
        """Folds the streams that a read model uses. With `has_poison`, those that fail become dead letters."""
        stream_ids = select_stream_ids(model, batch.streams)
        if not stream_ids:
            return
        table = batch.live_tables[model.name].table
        if has_poison:
            self.fold_or_add_dead_letters(model, table, stream_ids, batch.until)
            return
        self.refold_streams(model, table, stream_ids, batch.until)
        if model.name in batch.dead_letters:
            self.delete_dead_letters(model, stream_ids)

    def refold_streams(self, model: ReadModel, table: str, stream_ids: Sequence[UUID], until: int) -> None:
        """Replaces the rows of some streams by their fold up to a position."""
        params = {"log_streams": list(stream_ids), "log_until": until}
        self.execute(f'DELETE FROM {{schema}}."{table}" WHERE {model.key} = ANY(%(log_streams)s)', params)
        fold_query = model.build_fold_query(streams=True, until=True)
        self.execute(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold_query}', params)

    def fold_or_add_dead_letters(self, model: ReadModel, table: str, stream_ids: Sequence[UUID], until: int) -> None:
        """Folds streams. Each one that cannot be folded becomes a dead letter, and its row stays as it was."""

        def fold(part: Sequence[UUID]) -> None:
            self.refold_streams(model, table, part, until)
            self.delete_dead_letters(model, part)

        for (stream_id,), error in isolate_poison(self.connection, stream_ids, fold, halve_list):
            params = {"read_model": model.name, "stream": stream_id, "position": until, "error": str(error)}
            self.execute(ADD_DEAD_LETTER, params)

    def delete_dead_letters(self, model: ReadModel, stream_ids: Sequence[UUID]) -> None:
        """Deletes the dead letters of streams that were folded."""
        self.execute(DELETE_DEAD_LETTERS, {"read_model": model.name, "log_streams": list(stream_ids)})

    def fetch_rows(self, text: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Runs a statement and returns its rows."""
        return self.execute(text, params).fetchall()

    def execute(self, text: str, params: Mapping[str, Any] | None = None) -> Cursor[dict[str, Any]]:
        """Runs a statement with its schema filled in."""
        return self.connection.execute(compile_statement(self.db.schema, self.db.reporting, text), params or {})


def select_stream_ids(model: ReadModel, streams: Sequence[TouchedStream]) -> list[UUID]:
    """The ids of the streams that were touched by events of a read model."""
    return [stream.stream_id for stream in streams if model.is_affected_by(stream.event_names)]


def read_touched_streams(cursor: Cursor[dict[str, Any]], until: int, limit: int) -> tuple[list[TouchedStream], int]:
    """The touched streams, and the position up to which they are complete: a full batch ends before `until`."""
    rows = cursor.fetchall()
    if sum(row["events"] for row in rows) >= limit:
        until = max(row["position"] for row in rows)
    return [TouchedStream(row["stream_id"], set(row["names"])) for row in rows], until
