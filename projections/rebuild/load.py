"""Fills a new table of a read model with the fold of the log, in a few slices of streams; its indexes come after."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from psycopg import Rollback

from domain.refusals import Refusal
from projections.following.batch_projector import POISON, Folding
from projections.queries.query import statement
from projections.read_model import ReadModel
from projections.rebuild.progress import Claim, Progress, sentence

EVENTS_OF_A_SLICE = 250_000
MOST_SLICES = 4
LOADING = 0.7  # of the work, indexes being the rest

COUNTS = """
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

    def __init__(self, model: ReadModel, stream: UUID, error: Exception) -> None:
        super().__init__(model.name, stream)
        self.told = f"{model.name} cannot fold stream {stream}: {sentence(error)}. Nothing has changed."

    @property
    def sentence(self) -> str:
        """Which stream, and why."""
        return self.told


@dataclass(frozen=True, slots=True)
class Built:
    """A read model that was built again."""

    model: ReadModel
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Loading:
    """Makes and fills tables, under a claim."""

    claim: Claim
    folding: Folding

    def totals(self, models: Sequence[ReadModel], until: int) -> dict[ReadModel, Progress]:
        """How much there is to fold for each."""
        counts = {row["name"]: row["events"] for row in self.folding.rows(COUNTS, {"until": until})}
        return {model: Progress(model, sum(counts.get(name, 0) for name in model.events)) for model in models}

    def create(self, model: ReadModel) -> str:
        """An empty table for the next generation of a read model, and its name."""
        named = {"schema": self.claim.db.schema, "name": model.name}
        table = model.table_name(self.folding.rows(NEXT_GENERATION, named)[0]["generation"])
        self.define(f'CREATE TABLE {{schema}}."{table}" ({model.table})')
        return table

    def load(self, model: ReadModel, table: str, until: int, progress: Progress) -> Built:
        """Fills a table with the fold of all streams up to a position. Raises CannotFold."""
        began = time.monotonic()
        self.claim.say(progress, now=True)
        slices = slices_of(progress.total)
        for number, (first, last) in enumerate(slices, start=1):
            self.load_slice(model, table, {"log_first": first, "log_last": last, "log_until": until})
            progress.done = progress.total * number // len(slices)
            progress.share = LOADING * number / len(slices)
            self.claim.say(progress)
        self.index(model, table, progress)
        return Built(model, progress.total, time.monotonic() - began)

    def index(self, model: ReadModel, table: str, progress: Progress) -> None:
        """Makes the indexes of a full table, and lets the planner know what is in it."""
        for number, index in enumerate(model.indexes, start=1):
            self.define(f'CREATE INDEX ON {{schema}}."{table}" {index}')
            progress.share = LOADING + (1 - LOADING) * number / (len(model.indexes) + 1)
            self.claim.say(progress)
        self.define(f'ANALYZE {{schema}}."{table}"')
        progress.share = 1.0
        self.claim.say(progress, now=True)

    def load_slice(self, model: ReadModel, table: str, bound: Mapping[str, object]) -> None:
        """Folds a slice of the streams. Raises CannotFold."""
        try:
            self.insert(model, table, bound)
        except POISON as error:
            raise CannotFold(model, self.culprit(model, table, bound), error) from error

    def insert(self, model: ReadModel, table: str, bound: Mapping[str, object]) -> None:
        """The fold itself."""
        fold = model.fold(between=True, until=True)
        self.folding.run(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold}', dict(bound))

    def culprit(self, model: ReadModel, table: str, bound: Mapping[str, object]) -> UUID:
        """The stream of a slice that cannot be folded, found by halving."""
        first, last = UUID(str(bound["log_first"])).int, UUID(str(bound["log_last"])).int
        while True:
            here = {**bound, "log_first": UUID(int=first), "log_last": UUID(int=last)}
            found = self.folding.rows(SOME_STREAMS.format(relevant=model.relevant), here)
            if len(found) == 1:
                return UUID(str(found[0]["stream_id"]))
            middle = (first + last) // 2
            if self.folds(model, table, {**here, "log_last": UUID(int=middle)}):
                first = middle + 1
            else:
                last = middle

    def folds(self, model: ReadModel, table: str, bound: Mapping[str, object]) -> bool:
        """Whether these streams can be folded; leaves no trace."""
        try:
            with self.claim.connection.transaction():
                self.insert(model, table, bound)
                raise Rollback
        except POISON:
            return False
        return True

    def define(self, text: str) -> None:
        """Runs a statement that takes no parameters."""
        self.claim.connection.execute(statement(self.claim.db.schema, self.claim.db.reporting, text))


def slices_of(events: int) -> list[tuple[UUID, UUID]]:
    """The streams in slices of about equal size, as ids are evenly spread; few, because each of them reads the log."""
    count = max(1, min(MOST_SLICES, events // EVENTS_OF_A_SLICE))
    ends = [(number << 128) // count for number in range(count + 1)]
    return [(UUID(int=first), UUID(int=following - 1)) for first, following in pairwise(ends)]
