"""Fills a new table of a read model with the fold of the log, in a few slices of streams, then creates its indexes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from domain.refusals import Refusal
from projections.following.batch_projector import BatchProjector
from projections.following.poison import isolate_poison
from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from projections.rebuild.progress import Progress, RebuildLock, describe_error

EVENTS_PER_SLICE = 250_000
MAX_SLICES = 4  # each one reads the log
LOADING_SHARE = 0.7  # of the work; indexes are the rest

EVENT_COUNTS = """
SELECT split_part(type, '.', 1) AS name, count(*) AS events
FROM {schema}.events WHERE position <= %(until)s GROUP BY 1
"""
NEXT_GENERATION = r"""
SELECT coalesce(max(substring(tablename FROM '_g(\d+)$')::int), 0) + 1 AS generation
FROM pg_tables WHERE schemaname = %(schema)s AND tablename ~ ('^' || %(name)s || '_v\d+_g\d+$')
"""
SOME_STREAMS = """
SELECT DISTINCT stream_id FROM {{schema}}.events
WHERE stream_id BETWEEN %(log_first)s AND %(log_last)s AND position <= %(log_until)s AND ({relevant}) LIMIT 2
"""


class CannotFold(Refusal):
    """A stream cannot be folded, so nothing has changed."""

    def __init__(self, model: ReadModel, stream_id: UUID, error: Exception) -> None:
        super().__init__(model.name, stream_id)
        self.message = f"{model.name} cannot fold stream {stream_id}: {describe_error(error)}. Nothing has changed."

    @property
    def sentence(self) -> str:
        """Which stream, and why."""
        return self.message


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """A read model that was rebuilt, how many events it folded, and the seconds that took."""

    model: ReadModel
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StreamRange:
    """The streams whose ids are from `first` to `last`."""

    first: UUID
    last: UUID

    def split(self, count: int) -> list["StreamRange"]:
        """Ranges of about equal size, as ids are evenly spread."""
        first, end = self.first.int, self.last.int + 1
        boundaries = [first + (end - first) * number // count for number in range(count + 1)]
        return [StreamRange(UUID(int=start), UUID(int=stop - 1)) for start, stop in pairwise(boundaries)]

    def to_bounds(self, until: int) -> dict[str, object]:
        """The parameters of a fold query that is bound to this range, up to a position."""
        return {"log_first": self.first, "log_last": self.last, "log_until": until}


ALL_STREAMS = StreamRange(UUID(int=0), UUID(int=(1 << 128) - 1))


@dataclass(frozen=True, slots=True)
class TableLoader:
    """Creates and fills tables, under the rebuild lock."""

    lock: RebuildLock
    projector: BatchProjector

    def count_events(self, models: Sequence[ReadModel], until: int) -> dict[ReadModel, Progress]:
        """A Progress for each read model, with the number of events that it has to fold."""
        counts = {row["name"]: row["events"] for row in self.projector.fetch_rows(EVENT_COUNTS, {"until": until})}
        return {model: Progress(model, sum(counts.get(name, 0) for name in model.events)) for model in models}

    def create_table(self, model: ReadModel) -> str:
        """Creates an empty table for the next generation of a read model, and returns its name."""
        params = {"schema": self.lock.db.schema, "name": model.name}
        table = model.build_table_name(self.projector.fetch_rows(NEXT_GENERATION, params)[0]["generation"])
        self.execute_ddl(f'CREATE TABLE {{schema}}."{table}" ({model.table})')
        return table

    def load_table(self, model: ReadModel, table: str, until: int, progress: Progress) -> RebuildResult:
        """Fills a table with the fold of all streams up to a position, then creates its indexes. Raises CannotFold."""
        start = time.monotonic()
        self.lock.report_progress(progress, immediately=True)
        slices = ALL_STREAMS.split(max(1, min(MAX_SLICES, progress.total // EVENTS_PER_SLICE)))
        for number, streams in enumerate(slices, start=1):
            self.load_slice(model, table, streams, until)
            progress.done = progress.total * number // len(slices)
            progress.share = LOADING_SHARE * number / len(slices)
            self.lock.report_progress(progress)
        self.create_indexes(model, table, progress)
        return RebuildResult(model, progress.total, time.monotonic() - start)

    def create_indexes(self, model: ReadModel, table: str, progress: Progress) -> None:
        """Creates the indexes of a full table, and analyzes it."""
        for number, index in enumerate(model.indexes, start=1):
            self.execute_ddl(f'CREATE INDEX ON {{schema}}."{table}" {index}')
            progress.share = LOADING_SHARE + (1 - LOADING_SHARE) * number / (len(model.indexes) + 1)
            self.lock.report_progress(progress)
        self.execute_ddl(f'ANALYZE {{schema}}."{table}"')
        progress.share = 1.0
        self.lock.report_progress(progress, immediately=True)

    def load_slice(self, model: ReadModel, table: str, streams: StreamRange, until: int) -> None:
        """Inserts the fold of a range of streams into the table. Raises CannotFold."""
        fold_query = model.build_fold_query(between=True, until=True)
        insert = f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold_query}'

        def fold(part: StreamRange) -> None:
            self.projector.execute(insert, part.to_bounds(until))

        def halve(part: StreamRange) -> list[StreamRange]:
            return part.split(2) if len(self.list_some_streams(model, part, until)) > 1 else []

        for part, error in isolate_poison(self.lock.connection, streams, fold, halve):
            raise CannotFold(model, self.list_some_streams(model, part, until)[0], error) from error

    def list_some_streams(self, model: ReadModel, streams: StreamRange, until: int) -> list[UUID]:
        """The ids of at most two streams of a range that a read model uses."""
        query = SOME_STREAMS.format(relevant=model.event_condition)
        return [row["stream_id"] for row in self.projector.fetch_rows(query, streams.to_bounds(until))]

    def execute_ddl(self, text: str) -> None:
        """Runs a statement that takes no parameters."""
        self.lock.connection.execute(compile_statement(self.lock.db.schema, self.lock.db.reporting, text))
