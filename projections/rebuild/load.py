"""Fills a new table of a read model with the fold of the log, in a few slices of streams, then creates its indexes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from psycopg import Rollback

from domain.refusals import Refusal
from projections.following.batch_projector import POISON_ERRORS, BatchProjector
from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from projections.rebuild.progress import Progress, RebuildLock, describe_error

EVENTS_PER_SLICE = 250_000
MAX_SLICES = 4
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
        slices = divide_streams(progress.total)
        for number, (first, last) in enumerate(slices, start=1):
            self.load_slice(model, table, {"log_first": first, "log_last": last, "log_until": until})
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

    def load_slice(self, model: ReadModel, table: str, bounds: Mapping[str, object]) -> None:
        """Folds one slice of the streams into the table. Raises CannotFold."""
        try:
            self.insert_fold(model, table, bounds)
        except POISON_ERRORS as error:
            raise CannotFold(model, self.find_failing_stream(model, table, bounds), error) from error

    def insert_fold(self, model: ReadModel, table: str, bounds: Mapping[str, object]) -> None:
        """Inserts the fold of the streams within bounds."""
        fold_query = model.build_fold_query(between=True, until=True)
        self.projector.execute(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold_query}', dict(bounds))

    def find_failing_stream(self, model: ReadModel, table: str, bounds: Mapping[str, object]) -> UUID:
        """The id of a stream within bounds that cannot be folded, found by bisection."""
        first, last = UUID(str(bounds["log_first"])).int, UUID(str(bounds["log_last"])).int
        while True:
            half_bounds = {**bounds, "log_first": UUID(int=first), "log_last": UUID(int=last)}
            streams = self.projector.fetch_rows(SOME_STREAMS.format(relevant=model.event_condition), half_bounds)
            if len(streams) == 1:
                return UUID(str(streams[0]["stream_id"]))
            middle = (first + last) // 2
            if self.is_foldable(model, table, {**half_bounds, "log_last": UUID(int=middle)}):
                first = middle + 1
            else:
                last = middle

    def is_foldable(self, model: ReadModel, table: str, bounds: Mapping[str, object]) -> bool:
        """Whether the streams within bounds can be folded. Rolls back what it inserted."""
        try:
            with self.lock.connection.transaction():
                self.insert_fold(model, table, bounds)
                raise Rollback
        except POISON_ERRORS:
            return False
        return True

    def execute_ddl(self, text: str) -> None:
        """Runs a statement that takes no parameters."""
        self.lock.connection.execute(compile_statement(self.lock.db.schema, self.lock.db.reporting, text))


def divide_streams(events: int) -> list[tuple[UUID, UUID]]:
    """Ranges of stream ids of about equal size, as ids are evenly spread.

    They are few, because each one reads the log.
    """
    count = max(1, min(MAX_SLICES, events // EVENTS_PER_SLICE))
    boundaries = [(number << 128) // count for number in range(count + 1)]
    return [(UUID(int=first), UUID(int=next_first - 1)) for first, next_first in pairwise(boundaries)]
