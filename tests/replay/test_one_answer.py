"""However a valid history is followed, interrupted and resumed, the read models are the fold of the log."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.catalogue import READ_MODELS
from projections.following.batch_projector import BatchProjector
from projections.following.positions import read_positions
from projections.rebuild import live_tables
from projections.rebuild.progress import Progress
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.story import follow_log
from tests.replay.generated_history import COMMANDS, GeneratedHistory

EXAMPLES = 8
NUMBERS = st.integers(0, 23)
STEPS = st.one_of(
    st.tuples(
        st.just("happen"),
        st.lists(st.tuples(st.integers(0, len(COMMANDS) - 1), NUMBERS, NUMBERS), min_size=1, max_size=25),
    ),
    st.tuples(st.just("follow"), st.integers(1, 12)),
    st.tuples(st.just("killed while following"), st.integers(1, 12)),
    st.tuples(st.just("rebuild"), st.sampled_from([model.name for model in READ_MODELS])),
    st.tuples(st.just("killed while rebuilding"), st.floats(0, 1)),
)
# so that most commands find something to work on
INITIAL_COMMANDS = [(0, 0, 1), (0, 0, 2), (3, 0, 1), (7, 0, 1), (7, 1, 2), (10, 0, 1), (14, 0, 1)]
EMPTY = """
TRUNCATE {schema}.events, {schema}.reservations, {schema}.personal_details, {schema}.claims RESTART IDENTITY;
UPDATE {schema}.follower SET position = 0;
"""

Rows = dict[str, list[str]]


class ProcessKilled(BaseException):
    """The process is killed; no handler catches this."""


def fetch_all_rows(database: Database, build_text: Callable[[Any], str], until: int) -> Rows:
    """Fetch all rows of all read models as text, by one way to query them."""
    rows = {}
    for model in READ_MODELS:
        query = f"SELECT r::text AS row FROM ({build_text(model)}) AS r ORDER BY 1"
        rows[model.name] = [row["row"] for row in database.fetch_rows(query, {"log_until": until})]
    return rows


def fetch_live_rows(database: Database) -> Rows:
    """Fetch the rows of the live tables."""
    rows = database.fetch_rows("SELECT name, live_table FROM {schema}.read_models")
    tables = {row["name"]: row["live_table"] for row in rows}
    return fetch_all_rows(database, lambda model: f'SELECT {model.columns} FROM {{schema}}."{tables[model.name]}"', 0)


def fetch_rows_as_of(database: Database, until: int) -> Rows:
    """Fetch the rows as of a position."""
    return fetch_all_rows(database, lambda model: model.build_fold_query(until=True), until)


def interrupt_batch(database: Database, limit: int) -> None:
    """Run a batch whose process is killed before it commits."""
    with database.connect(autocommit=False) as connection:
        BatchProjector(database, connection, READ_MODELS).project_batch(read_positions(database).head, limit)
        connection.rollback()


def interrupt_rebuild(database: Database, share: float) -> None:
    """Run a rebuild whose process is killed when a read model has this share."""

    def raise_at_share(progress: Progress) -> None:
        if progress.share >= share:
            raise ProcessKilled

    rebuild = begin_rebuild(database, on_progress=raise_at_share)
    with pytest.raises(ProcessKilled):
        rebuild.run()


def run_step(database: Database, history: GeneratedHistory, step: str, value: Any) -> None:
    """Run one step of an example."""
    if step == "happen":
        history.run_commands(value)
    elif step == "follow":
        with database.connect() as connection:
            BatchProjector(database, connection, READ_MODELS).project_batch(read_positions(database).head, value)
    elif step == "killed while following":
        interrupt_batch(database, value)
    elif step == "rebuild":
        begin_rebuild(database, [value]).run()
    else:
        interrupt_rebuild(database, value)


def clear_database(database: Database, superuser_url: str) -> None:
    """Restore the database to its state before the first event."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(database.compose_query(EMPTY))
        for row in database.fetch_rows("SELECT live_table FROM {schema}.read_models"):
            connection.execute(database.compose_query(f'TRUNCATE {{schema}}."{row["live_table"]}"'))


@pytest.fixture
def live_database(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with its live tables; nobody reads the old ones here, so nobody waits for readers."""
    monkeypatch.setattr("projections.rebuild.job.GRACE_SECONDS", 0.0)
    live_tables.ensure_tables(database)
    return database


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_one_answer(live_database: Database, superuser_url: str, steps: list[tuple[str, Any]]) -> None:
    clear_database(live_database, superuser_url)
    history = GeneratedHistory(live_database)
    history.run_commands(INITIAL_COMMANDS)
    expected: dict[int, Rows] = {}
    for step, value in steps:
        run_step(live_database, history, step, value)
        expected[read_positions(live_database).position] = fetch_live_rows(live_database)
    follow_log(live_database)
    live_rows = fetch_live_rows(live_database)
    assert live_rows == fetch_rows_as_of(live_database, read_positions(live_database).head)
    for reached_position, rows in expected.items():
        assert fetch_rows_as_of(live_database, reached_position) == rows, f"as it was at {reached_position}"
    begin_rebuild(live_database).run()
    assert fetch_live_rows(live_database) == live_rows
    assert sum(map(len, live_rows.values())) >= 7
