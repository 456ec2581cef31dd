"""docs/analysts.md: each question, asked as an analyst of a story that was told; and nothing else is theirs."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from domain.link import LinkUpdated
from projections import reporting
from projections.rebuild import live_tables
from store.database import Database
from tests.projections.story import DAY, HOUR, START, Story, follow

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (\d+)\. .*?```sql\n(.*?)```", PAGE, re.S | re.M))
VIEWS = dict(re.findall(r"^\| `reporting\.(\w+)` \| .*?: (.*?)\.? ?(?:It holds.*)?\|$", PAGE, re.M))
RELATIONS = """SELECT relname, relkind FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v', 'S')"""
FUNCTIONS = "SELECT proname, pronargs FROM pg_proc WHERE pronamespace = %s::regnamespace"
APRIL = datetime(2026, 4, 1, 9, tzinfo=UTC)
FAR = START + 300 * DAY
HALF = timedelta(minutes=30)


@pytest.fixture
def told(followed: Database, story: Story) -> Story:
    """Six meetings in two months of two people, and single-use links of every fate."""
    julio, anna = story.person("Julio"), story.person("Anna")
    intro, dive = story.meeting_type("Intro"), story.meeting_type("Deep dive")
    talk, demo = story.link(julio, intro, "Talk"), story.link(anna, dive, "Demo")
    first = story.issue(talk, julio, "Rita", "Fair")
    story.issue(talk, julio, "Otto", "Fair")
    story.book(talk, [julio], intro, FAR, first, guest="Rita")
    story.book(talk, [julio, anna], intro, FAR + DAY, guest="Ada")
    second = story.issue(demo, anna, "Hugo")
    story.now += 5 * HOUR
    moved = story.book(demo, [anna], dive, FAR + DAY * 2, second, guest="Ada Lovelace")
    story.reschedule(moved, FAR + DAY * 2, FAR + DAY * 3)
    story.cancel(moved, "host")
    story.issue(demo, anna, "Late")
    story.revoke(story.issue(demo, anna, "Wrong"))
    story.now = APRIL
    story.cancel(story.book(talk, [julio], intro, FAR + DAY * 4, guest="Bob"))
    third = story.issue(talk, anna, "Emil")
    story.book(talk, [julio], intro, FAR + DAY * 5, third, guest="Emil")
    gone = story.book(demo, [anna], dive, FAR + DAY * 6, guest="Erased")
    details = followed.rows("SELECT id FROM {schema}.personal_details WHERE stream_id = %s", (gone,))
    story.erase(details[0]["id"])
    expired = story.link_properties(anna, dive, "Demo", expires_at=APRIL)
    story.tell(demo, LinkUpdated, **expired)
    follow(followed)
    return story


EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "1": [
        (date(2026, 3, 1), "single_use", 2),
        (date(2026, 3, 1), "standard", 1),
        (date(2026, 4, 1), "single_use", 1),
        (date(2026, 4, 1), "standard", 2),
    ],
    "2": [("Anna", 4, 2, Decimal(50)), ("Julio", 2, 1, Decimal(50))],
    "3": [("Intro", 2, timedelta(hours=1.5), timedelta(hours=2)), ("Deep dive", 1, 6 * HOUR, 6 * HOUR)],
    "4": [("Otto", "otto@recipients.example", "Fair", "Talk", "Julio", date(2026, 3, 2))],
    "5": [("Demo", 3, 1)],
    "6": [("Deep dive", 2, 0, 1), ("Intro", 4, 1, 0)],
    "7": [(False, 5, 1), (True, 1, 1)],
    "8": [("Julio", 3, 3 * HALF), ("Anna", 2, 2 * HALF)],
    "9": [("guests.example", 5, 4)],
    "10": [("LinkCreated.v1", "system", 2), ("LinkUpdated.v1", "system", 1)],
}


@pytest.fixture
def analyst(told: Story, superuser_url: str) -> Iterator[Connection[Any]]:
    """A connection that may do what an analyst may."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET ROLE oncelink_analyst")
        connection.execute("SET timezone = 'UTC'")
        yield connection


def test_there_are_ten_questions() -> None:
    assert QUESTIONS.keys() == EXPECTED.keys()
    assert len(QUESTIONS) == 10


def test_each_question_is_answered(analyst: Connection[Any], told: Story) -> None:
    for number, question in QUESTIONS.items():
        text = question.replace("reporting.", f"{told.database.reporting}.")
        assert analyst.execute(text).fetchall() == EXPECTED[number], f"question {number}"


def test_the_page_names_every_view_and_column(analyst: Connection[Any], told: Story) -> None:
    assert VIEWS.keys() == reporting.VIEWS.keys()
    for name, columns in VIEWS.items():
        found = analyst.execute(f"SELECT * FROM {told.database.reporting}.{name} LIMIT 0").description
        assert {column.name for column in found or ()} == set(re.findall(r"`(\w+)`", columns)), name


def test_nothing_else_is_theirs(analyst: Connection[Any], told: Story) -> None:
    """Every table, sequence and function of the installation is refused, and so is every change."""
    schema = told.database.schema
    relations = analyst.execute(RELATIONS, (schema,)).fetchall()
    assert {"events", "personal_details", "stored_events", "api_keys", "claims"} <= {name for name, _ in relations}
    for name, _ in relations:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name)))
    functions = analyst.execute(FUNCTIONS, (schema,)).fetchall()
    assert {"append", "settle", "words", "address_of"} <= {name for name, _ in functions}
    for name, count in functions:
        call = sql.SQL("SELECT {}({})").format(sql.Identifier(schema, name), sql.SQL(", ").join([sql.NULL] * count))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(call)
    for name in reporting.VIEWS:
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            held = analyst.execute("SELECT has_table_privilege(%s, %s)", (f"{told.database.reporting}.{name}", right))
            assert held.fetchone() == (False,), (name, right)
        for change in ("DROP VIEW {}", "ALTER VIEW {} RENAME TO mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(sql.SQL(change).format(sql.Identifier(told.database.reporting, name)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(sql.SQL("CREATE TABLE {} ()").format(sql.Identifier(told.database.reporting, "mine")))


def test_events_hold_nothing_that_a_guest_gave(analyst: Connection[Any], told: Story) -> None:
    told.person("Feeder", busy_feed_url="https://calendar.example/secret-feed")
    rows = analyst.execute(f"SELECT e::text FROM {told.database.reporting}.events AS e").fetchall()
    text = str(rows).lower()
    assert "feeder" in text
    for word in (
        "rita",
        "ada",
        "guests.example",
        "recipients.example",
        "see you",
        "fair",
        "mistake",
        'ill"',
        "secret-feed",
    ):
        assert not re.search(rf"(?<!\w){word}(?!\w)", text), word  # ids may have these letters inside


class TestRenewal:
    """Views of an earlier version of the code are made anew at the start, also where no read model has changed."""

    def test_of_an_earlier_version(self, followed: Database, superuser_url: str) -> None:
        assert reporting.ensure(followed)
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(followed.text("DROP VIEW {reporting}.link_usage_daily, {reporting}.events"))
        live_tables.ensure(followed)
        assert reporting.ensure(followed)
        assert followed.rows("SELECT count(*) AS n FROM {reporting}.link_usage_daily") == [{"n": 0}]

    def test_somebody_who_reads_does_not_stop_the_start(self, followed: Database, superuser_url: str) -> None:
        with psycopg.connect(superuser_url) as connection:
            connection.execute(followed.text("SELECT * FROM {reporting}.events"))
            assert not reporting.ensure(followed)
        assert reporting.ensure(followed)
        before = views(followed)
        assert reporting.ensure(followed)
        assert views(followed) == before


def views(database: Database) -> list[Any]:
    """The views, as this very making of them."""
    return database.rows(
        "SELECT oid, relname FROM pg_class WHERE relnamespace = %s::regnamespace ORDER BY 2", (database.reporting,)
    )
