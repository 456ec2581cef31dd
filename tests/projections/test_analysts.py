"""docs/analysts.md: each question has its expected answer on a known history, and analysts can read nothing else."""

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
from tests.projections.story import DAY, HOUR, START, LogBuilder, follow_log

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (\d+)\. .*?```sql\n(.*?)```", PAGE, re.S | re.M))
VIEWS = dict(re.findall(r"^\| `reporting\.(\w+)` \| .*?: (.*?)\.? ?(?:It holds.*)?\|$", PAGE, re.M))
RELATIONS = """SELECT relname, relkind FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v', 'S')"""
FUNCTIONS = "SELECT proname, pronargs FROM pg_proc WHERE pronamespace = %s::regnamespace"
APRIL = datetime(2026, 4, 1, 9, tzinfo=UTC)
FAR = START + 300 * DAY
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def filled_builder(live_database: Database, builder: LogBuilder) -> LogBuilder:
    """Six meetings in two months of two people, and single-use links of every status."""
    julio, anna = builder.add_person("Julio"), builder.add_person("Anna")
    intro, dive = builder.create_meeting_type("Intro"), builder.create_meeting_type("Deep dive")
    talk, demo = builder.create_link(julio, intro, "Talk"), builder.create_link(anna, dive, "Demo")
    first = builder.issue_single_use_link(talk, julio, "Rita", "Fair")
    builder.issue_single_use_link(talk, julio, "Otto", "Fair")
    builder.book_meeting(talk, [julio], intro, FAR, first, guest="Rita")
    builder.book_meeting(talk, [julio, anna], intro, FAR + DAY, guest="Ada")
    second = builder.issue_single_use_link(demo, anna, "Hugo")
    builder.now += 5 * HOUR
    moved_token = builder.book_meeting(demo, [anna], dive, FAR + DAY * 2, second, guest="Ada Lovelace")
    builder.reschedule_meeting(moved_token, FAR + DAY * 2, FAR + DAY * 3)
    builder.cancel_meeting(moved_token, "host")
    builder.issue_single_use_link(demo, anna, "Late")
    builder.revoke_single_use_link(builder.issue_single_use_link(demo, anna, "Wrong"))
    builder.now = APRIL
    builder.cancel_meeting(builder.book_meeting(talk, [julio], intro, FAR + DAY * 4, guest="Bob"))
    third = builder.issue_single_use_link(talk, anna, "Emil")
    builder.book_meeting(talk, [julio], intro, FAR + DAY * 5, third, guest="Emil")
    erased_token = builder.book_meeting(demo, [anna], dive, FAR + DAY * 6, guest="Erased")
    details = live_database.fetch_rows("SELECT id FROM {schema}.personal_details WHERE stream_id = %s", (erased_token,))
    builder.erase_details(details[0]["id"])
    expired = builder.build_link_properties(anna, dive, "Demo", expires_at=APRIL)
    builder.append_event(demo, LinkUpdated, **expired)
    follow_log(live_database)
    return builder


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
    "8": [("Julio", 3, 3 * HALF_HOUR), ("Anna", 2, 2 * HALF_HOUR)],
    "9": [("guests.example", 5, 4)],
    "10": [("LinkCreated.v1", "system", 2), ("LinkUpdated.v1", "system", 1)],
}


@pytest.fixture
def analyst(filled_builder: LogBuilder, superuser_url: str) -> Iterator[Connection[Any]]:
    """A connection with an analyst's rights."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET ROLE oncelink_analyst")
        connection.execute("SET timezone = 'UTC'")
        yield connection


def test_there_are_ten_questions() -> None:
    assert QUESTIONS.keys() == EXPECTED.keys()
    assert len(QUESTIONS) == 10


def test_each_question_is_answered(analyst: Connection[Any], filled_builder: LogBuilder) -> None:
    for number, query in QUESTIONS.items():
        text = query.replace("reporting.", f"{filled_builder.database.reporting}.")
        assert analyst.execute(text).fetchall() == EXPECTED[number], f"question {number}"


def test_the_page_names_every_view_and_column(analyst: Connection[Any], filled_builder: LogBuilder) -> None:
    assert VIEWS.keys() == reporting.VIEWS.keys()
    for name, columns in VIEWS.items():
        description = analyst.execute(f"SELECT * FROM {filled_builder.database.reporting}.{name} LIMIT 0").description
        assert {column.name for column in description or ()} == set(re.findall(r"`(\w+)`", columns)), name


def test_nothing_else_is_theirs(analyst: Connection[Any], filled_builder: LogBuilder) -> None:
    """Every table, sequence and function of the installation is refused, and so is every change."""
    schema = filled_builder.database.schema
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
        for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            cursor = analyst.execute(
                "SELECT has_table_privilege(%s, %s)", (f"{filled_builder.database.reporting}.{name}", privilege)
            )
            assert cursor.fetchone() == (False,), (name, privilege)
        for change in ("DROP VIEW {}", "ALTER VIEW {} RENAME TO mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(sql.SQL(change).format(sql.Identifier(filled_builder.database.reporting, name)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(sql.SQL("CREATE TABLE {} ()").format(sql.Identifier(filled_builder.database.reporting, "mine")))


def test_events_hold_nothing_that_a_guest_gave(analyst: Connection[Any], filled_builder: LogBuilder) -> None:
    filled_builder.add_person("Feeder", busy_feed_url="https://calendar.example/secret-feed")
    rows = analyst.execute(f"SELECT e::text FROM {filled_builder.database.reporting}.events AS e").fetchall()
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

    def test_of_an_earlier_version(self, live_database: Database, superuser_url: str) -> None:
        assert reporting.ensure_views(live_database)
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(
                live_database.compose_query("DROP VIEW {reporting}.link_usage_daily, {reporting}.events")
            )
        live_tables.ensure_tables(live_database)
        assert reporting.ensure_views(live_database)
        assert live_database.fetch_rows("SELECT count(*) AS n FROM {reporting}.link_usage_daily") == [{"n": 0}]

    def test_somebody_who_reads_does_not_stop_the_start(self, live_database: Database, superuser_url: str) -> None:
        with psycopg.connect(superuser_url) as connection:
            connection.execute(live_database.compose_query("SELECT * FROM {reporting}.events"))
            assert not reporting.ensure_views(live_database)
        assert reporting.ensure_views(live_database)
        previous_views = list_views(live_database)
        assert reporting.ensure_views(live_database)
        assert list_views(live_database) == previous_views


def list_views(database: Database) -> list[Any]:
    """List the views with the ids that change when they are created anew."""
    return database.fetch_rows(
        "SELECT oid, relname FROM pg_class WHERE relnamespace = %s::regnamespace ORDER BY 2", (database.reporting,)
    )
