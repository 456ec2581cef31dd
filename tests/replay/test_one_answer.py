"""One answer: however a valid history is followed, killed and resumed, read models are the fold of the log, always."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.catalogue import READ_MODELS
from projections.following.batch_projector import Folding
from projections.following.positions import position
from projections.rebuild import live_tables
from projections.rebuild.progress import Progress
from replay.rebuild import Rebuild
from store.database import Database
from tests.projections.story import follow
from tests.replay.generated_history import COMMANDS, History

EXAMPLES = 15
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
BEGINNING = [(0, 0, 1), (0, 0, 2), (3, 0, 1), (7, 0, 1), (7, 1, 2), (10, 0, 1), (14, 0, 1)]
EMPTY = """
TRUNCATE {schema}.events, {schema}.reservations, {schema}.personal_details, {schema}.claims RESTART IDENTITY;
UPDATE {schema}.follower SET position = 0;
"""

Rows = dict[str, list[str]]


class Killed(BaseException):
    """The process is gone; nothing can catch this."""


def rows_of(database: Database, text_of: Callable[[Any], str], until: int) -> Rows:
    """All rows of all read models, as text, by one way to ask for them."""
    found = {}
    for model in READ_MODELS:
        question = f"SELECT r::text AS row FROM ({text_of(model)}) AS r ORDER BY 1"
        found[model.name] = [row["row"] for row in database.rows(question, {"log_until": until})]
    return found


def live(database: Database) -> Rows:
    """The rows of the live tables."""
    rows = database.rows("SELECT name, live_table FROM {schema}.read_models")
    tables = {row["name"]: row["live_table"] for row in rows}
    return rows_of(database, lambda model: f'SELECT {model.columns} FROM {{schema}}."{tables[model.name]}"', 0)


def as_of(database: Database, until: int) -> Rows:
    """The rows that the log had at a position."""
    return rows_of(database, lambda model: model.fold(until=True), until)


def killed_while_following(database: Database, limit: int) -> None:
    """A batch whose process dies before it commits."""
    with database.connect(autocommit=False) as connection:
        Folding(database, connection, READ_MODELS).batch(position(database).head, limit)
        connection.rollback()


def killed_while_rebuilding(database: Database, share: float) -> None:
    """A rebuild whose process dies when a read model is that far."""

    def told(progress: Progress) -> None:
        if progress.share >= share:
            raise Killed

    rebuild = Rebuild.begun(database, told=told)
    with pytest.raises(Killed):
        rebuild.run()


def take(database: Database, history: History, step: str, value: Any) -> None:
    """One step of an example."""
    if step == "happen":
        history.happen(value)
    elif step == "follow":
        with database.connect() as connection:
            Folding(database, connection, READ_MODELS).batch(position(database).head, value)
    elif step == "killed while following":
        killed_while_following(database, value)
    elif step == "rebuild":
        Rebuild.begun(database, [value]).run()
    else:
        killed_while_rebuilding(database, value)


def emptied(database: Database, superuser_url: str) -> None:
    """The database as it was before the first event."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(database.text(EMPTY))
        for row in database.rows("SELECT live_table FROM {schema}.read_models"):
            connection.execute(database.text(f'TRUNCATE {{schema}}."{row["live_table"]}"'))


@pytest.fixture
def followed(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with its live tables; nobody reads the old ones here, so nobody waits for readers."""
    monkeypatch.setattr("projections.rebuild.job.GRACE_SECONDS", 0.0)
    live_tables.ensure(database)
    return database


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_one_answer(followed: Database, superuser_url: str, steps: list[tuple[str, Any]]) -> None:
    emptied(followed, superuser_url)
    history = History(followed)
    history.happen(BEGINNING)
    then: dict[int, Rows] = {}
    for step, value in steps:
        take(followed, history, step, value)
        then[position(followed).position] = live(followed)
    follow(followed)
    now = live(followed)
    assert now == as_of(followed, position(followed).head)
    for at, rows in then.items():
        assert as_of(followed, at) == rows, f"as it was at {at}"
    Rebuild.begun(followed).run()
    assert live(followed) == now
    assert sum(map(len, now.values())) >= 7
