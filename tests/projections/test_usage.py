"""Usage counts by day, link, issuer, meeting type and source are the same over the live tables and over the log."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.link import LinkUpdated
from domain.offer import build_days_interval
from domain.refusals import Invalid
from projections import catalogue, usage
from projections.queries.query import QuerySource
from projections.rebuild import live_tables
from projections.usage import GroupBy, UsageFilters
from store.database import Database
from store.embedded.server import Server
from tests.conftest import use_new_schema
from tests.projections.story import DAY, HOUR, START, LogBuilder, follow_log

FIRST = START.date()
FAR = START + 300 * DAY
ZERO_COUNTS = {"issued": 0, "booked": 0, "rescheduled": 0, "cancelled": 0, "expired_unused": 0}


def build_filters(count: int = 5, time_zone: str = "UTC", first: date = FIRST) -> UsageFilters:
    """Build filters for this many days from the beginning of the history."""
    all_days = [first + timedelta(days=n) for n in range(count)]
    starts = [build_days_interval(day, day, time_zone).start for day in all_days]
    return UsageFilters(all_days, starts, build_days_interval(all_days[-1], all_days[-1], time_zone).end)


class UsageHistory:
    """A history with every kind of event: two people, two meeting types, two links, five days."""

    def __init__(self, builder: LogBuilder) -> None:
        self.julio, self.anna = builder.add_person("Julio"), builder.add_person("Anna")
        self.intro, self.dive = builder.create_meeting_type("Intro"), builder.create_meeting_type("Deep dive")
        self.talk = builder.create_link(self.julio, self.intro, "Talk")
        self.demo = builder.create_link(self.anna, self.intro, "Demo")
        builder.now = START + 8 * HOUR
        builder.source = "extension"
        used_token = builder.issue_single_use_link(self.talk, self.julio)  # 18:00 on the first day
        builder.source = "web"
        builder.issue_single_use_link(self.talk, self.anna)
        builder.now = START + DAY + 13 * HOUR  # 22:00 on the second day, UTC
        self.booked = builder.book_meeting(
            self.talk, [self.julio], self.intro, FAR, used_token
        )  # 23:00, 29 h after its issue
        builder.now += HOUR
        builder.source = "api"
        late_token = builder.issue_single_use_link(self.demo, self.anna)  # 01:00 on the third day
        builder.source = "web"
        builder.now += 2 * HOUR - HOUR
        self.moved = builder.book_meeting(self.demo, [self.anna], self.dive, FAR, late_token)  # 03:00, two hours later
        builder.reschedule_meeting(self.moved, FAR, FAR + DAY)
        builder.reschedule_meeting(self.moved, FAR + DAY, FAR + 2 * DAY)
        builder.source = "api"
        self.direct = builder.book_meeting(self.talk, [self.julio, self.anna], self.intro, FAR + DAY)
        builder.source = "web"
        builder.now = START + 3 * DAY
        builder.cancel_meeting(self.direct)
        builder.revoke_single_use_link(builder.issue_single_use_link(self.demo, self.julio))
        builder.issue_single_use_link(self.demo, self.julio)
        expired_properties = builder.build_link_properties(self.anna, self.dive, "Demo", expires_at=START + 4 * DAY)
        builder.append_event(self.demo, LinkUpdated, **expired_properties)
        self.now = START + 5 * DAY


@pytest.fixture(scope="module")
def live_database(server: Server, service_url: str) -> Iterator[Database]:
    """A database with its live tables and one history that all tests read."""
    with use_new_schema(server) as schema:
        database = Database(service_url, schema).open()
        live_tables.ensure_tables(database)
        yield database
        database.close()


@pytest.fixture(scope="module")
def usage_history(live_database: Database, owner_url: str) -> UsageHistory:
    """The history, projected."""
    history = UsageHistory(LogBuilder(live_database, owner_url))
    follow_log(live_database)
    return history


@pytest.fixture(params=["live", "log"])
def source(request: pytest.FixtureRequest, live_database: Database, usage_history: UsageHistory) -> QuerySource:
    """The live tables, and the log."""
    return catalogue.from_live_tables(live_database) if request.param == "live" else catalogue.from_log(live_database)


def count_usage(
    source: QuerySource, usage_history: UsageHistory, group_by: GroupBy, filters: UsageFilters | None = None
) -> dict[Any, Any]:
    """Count the usage of each group, without zeros."""
    rows = usage.list_usage(source, usage_history.now, group_by, filters or build_filters()).items
    counts = {}
    for row in rows:
        name: Any = row[group_by]
        key = name["name"] if isinstance(name, dict) else name
        counts[key] = {
            field: row[field]  # type: ignore[literal-required]
            for field in (*ZERO_COUNTS, "median_hours_to_booking")
            if row[field]  # type: ignore[literal-required]
        }
    return counts


class TestCounting:
    """Each number, by each grouping."""

    def test_by_day(self, source: QuerySource, usage_history: UsageHistory) -> None:
        assert count_usage(source, usage_history, "day") == {
            date(2026, 3, 2): {"issued": 2},
            date(2026, 3, 3): {"booked": 1, "median_hours_to_booking": 29.0},
            date(2026, 3, 4): {
                "issued": 1, "booked": 2, "rescheduled": 1, "cancelled": 1, "median_hours_to_booking": 2.0,
            },
            date(2026, 3, 5): {"issued": 2, "expired_unused": 1},
            date(2026, 3, 6): {},
        }  # fmt: skip

    def test_by_link(self, source: QuerySource, usage_history: UsageHistory) -> None:
        assert count_usage(source, usage_history, "link") == {
            "Talk": {"issued": 2, "booked": 2, "cancelled": 1, "median_hours_to_booking": 29.0},
            "Demo": {
                "issued": 3, "booked": 1, "rescheduled": 1, "expired_unused": 1, "median_hours_to_booking": 2.0,
            },
        }  # fmt: skip

    def test_by_issuer(self, source: QuerySource, usage_history: UsageHistory) -> None:
        counts = count_usage(source, usage_history, "issuer")
        assert counts["Julio"] == {"issued": 3, "booked": 1, "expired_unused": 1, "median_hours_to_booking": 29.0}
        assert counts["Anna"] == {"issued": 2, "booked": 1, "rescheduled": 1, "median_hours_to_booking": 2.0}
        assert counts[None] == {"booked": 1, "cancelled": 1}

    def test_by_meeting_type(self, source: QuerySource, usage_history: UsageHistory) -> None:
        """A booked link counts as what it booked, an unused one as what its link offers now."""
        assert count_usage(source, usage_history, "meeting_type") == {
            "Intro": {"issued": 2, "booked": 2, "cancelled": 1, "median_hours_to_booking": 29.0},
            "Deep dive": {
                "issued": 3, "booked": 1, "rescheduled": 1, "expired_unused": 1, "median_hours_to_booking": 2.0,
            },
        }  # fmt: skip

    def test_by_link_type(self, source: QuerySource, usage_history: UsageHistory) -> None:
        period = {**{name: getattr(build_filters(), name) for name in ("days", "starts", "until")}}
        standard = count_usage(source, usage_history, "link", UsageFilters(**period, link_type="standard"))
        assert standard == {"Talk": {"booked": 1, "cancelled": 1}}
        single = count_usage(source, usage_history, "link", UsageFilters(**period, link_type="single_use"))
        assert single["Talk"] == {"issued": 2, "booked": 1, "median_hours_to_booking": 29.0}

    def test_by_source_is_where_a_single_use_link_was_issued_or_else_where_it_was_booked(
        self, source: QuerySource, usage_history: UsageHistory
    ) -> None:
        assert count_usage(source, usage_history, "source") == {
            "extension": {"issued": 1, "booked": 1, "median_hours_to_booking": 29.0},
            "api": {"issued": 1, "booked": 2, "rescheduled": 1, "cancelled": 1, "median_hours_to_booking": 2.0},
            "web": {"issued": 3, "expired_unused": 1},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("source_name", "expected"),
        [
            ("extension", {"Talk": {"issued": 1, "booked": 1, "median_hours_to_booking": 29.0}}),
            ("web", {"Talk": {"issued": 1}, "Demo": {"issued": 2, "expired_unused": 1}}),
            (
                "api",
                {
                    "Talk": {"booked": 1, "cancelled": 1},
                    "Demo": {"issued": 1, "booked": 1, "rescheduled": 1, "median_hours_to_booking": 2.0},
                },
            ),
            ("cli", {}),
        ],
    )
    def test_of_one_source(
        self, source: QuerySource, usage_history: UsageHistory, source_name: str, expected: dict[str, Any]
    ) -> None:
        period = {**{name: getattr(build_filters(), name) for name in ("days", "starts", "until")}}
        assert count_usage(source, usage_history, "link", UsageFilters(**period, source=source_name)) == expected
        assert list(count_usage(source, usage_history, "source", UsageFilters(**period, source=source_name))) == (
            [source_name] if expected else []
        )

    def test_somebody_sees_what_their_lists_show(self, source: QuerySource, usage_history: UsageHistory) -> None:
        period = {**{name: getattr(build_filters(), name) for name in ("days", "starts", "until")}}
        counts = count_usage(source, usage_history, "link", UsageFilters(**period, visible_to=usage_history.julio))
        assert counts["Talk"]["issued"] == 2
        assert counts["Demo"] == {"issued": 2, "expired_unused": 1}
        assert count_usage(source, usage_history, "link", UsageFilters(**period, visible_to=UUID(int=0))) == {}

    def test_before_it_expires_nothing_has(
        self, source: QuerySource, usage_history: UsageHistory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usage_history, "now", START + 3 * DAY)
        assert "expired_unused" not in count_usage(source, usage_history, "link")["Demo"]

    def test_days_begin_in_the_zone(self, source: QuerySource, usage_history: UsageHistory) -> None:
        """23:00 on the third of March in UTC is the fourth in Tokyo; 18:00 on the second is the third."""
        counts = count_usage(source, usage_history, "day", build_filters(5, "Asia/Tokyo"))
        assert counts[date(2026, 3, 2)] == {}
        assert counts[date(2026, 3, 3)] == {"issued": 2}
        assert counts[date(2026, 3, 4)]["booked"] == 3

    def test_nothing_outside_of_the_period(self, source: QuerySource, usage_history: UsageHistory) -> None:
        counts = count_usage(source, usage_history, "link", build_filters(1))
        assert counts == {"Talk": {"issued": 2}}
        assert count_usage(source, usage_history, "link", build_filters(9, first=date(2027, 1, 1))) == {}

    def test_groups_add_up_to_days(self, source: QuerySource, usage_history: UsageHistory) -> None:
        def compute_totals(by: GroupBy) -> dict[str, int]:
            rows = usage.list_usage(source, usage_history.now, by, build_filters()).items
            return {field: sum(row[field] for row in rows) for field in ZERO_COUNTS}  # type: ignore[literal-required]

        assert compute_totals("day") == {
            "issued": 5,
            "booked": 3,
            "rescheduled": 1,
            "cancelled": 1,
            "expired_unused": 1,
        }
        assert (
            compute_totals("link")
            == compute_totals("issuer")
            == compute_totals("meeting_type")
            == compute_totals("source")
            == compute_totals("day")
        )

    def test_conversion_is_of_the_links_that_were_issued_then(
        self, source: QuerySource, usage_history: UsageHistory
    ) -> None:
        rows = list(usage.iterate_usage(source, usage_history.now, "day", build_filters()))
        assert [(row["issued_booked"], row["conversion_rate"]) for row in rows] == [
            (1, 0.5),
            (0, None),
            (1, 1.0),
            (0, 0.0),
            (0, None),
        ]
        by_link = {
            row["link"]["name"]: row["conversion_rate"]
            for row in usage.iterate_usage(  # type: ignore[index]
                source, usage_history.now, "link", build_filters()
            )
        }
        assert by_link == {"Talk": 0.5, "Demo": 0.3333}


class TestPages:
    """Keyset pages, most booked first."""

    @pytest.mark.parametrize("by", ["day", "link", "issuer", "meeting_type", "source"])
    @pytest.mark.parametrize("limit", [1, 2])
    def test_pages_make_the_whole(
        self, source: QuerySource, usage_history: UsageHistory, by: GroupBy, limit: int
    ) -> None:
        all_rows = usage.list_usage(source, usage_history.now, by, build_filters()).items
        rows, cursor = [], None
        while True:
            page = usage.list_usage(source, usage_history.now, by, build_filters(), limit, cursor)
            rows += page.items
            if (cursor := page.next_cursor) is None:
                break
        assert rows == all_rows
        assert len(rows) > 1

    def test_what_is_used_most_comes_first(self, source: QuerySource, usage_history: UsageHistory) -> None:
        assert list(count_usage(source, usage_history, "link")) == ["Talk", "Demo"]
        assert list(count_usage(source, usage_history, "day")) == sorted(count_usage(source, usage_history, "day"))

    @pytest.mark.parametrize("cursor", ["", "zqx", "W10", "é", "W1siZGF5IiwxLCIiXQ" * 9])
    def test_a_foreign_cursor_is_refused(self, source: QuerySource, usage_history: UsageHistory, cursor: str) -> None:
        with pytest.raises(Invalid):
            usage.list_usage(source, usage_history.now, "day", build_filters(), 50, cursor)
        links_cursor = usage.list_usage(source, usage_history.now, "link", build_filters(), 1).next_cursor
        with pytest.raises(Invalid):
            usage.list_usage(source, usage_history.now, "issuer", build_filters(), 1, links_cursor)
        with pytest.raises(Invalid):
            usage.list_usage(
                source,
                usage_history.now,
                "source",
                build_filters(),
                1,
                build_foreign_cursor("source", str(UUID(int=0))),
            )
        with pytest.raises(Invalid):
            usage.list_usage(
                source, usage_history.now, "link", build_filters(), 1, build_foreign_cursor("link", "extension")
            )


def build_foreign_cursor(*group_and_key: str) -> str:
    """Build a cursor that looks like one of a grouping, with another key."""
    group, key = group_and_key
    return urlsafe_b64encode(json.dumps([group, -1, key]).encode()).decode().rstrip("=")


def test_the_analysts_view_says_the_same(live_database: Database, usage_history: UsageHistory) -> None:
    rows = live_database.fetch_rows("SELECT * FROM {reporting}.link_usage_daily ORDER BY day, link_name")
    assert {(row["day"], row["link_name"]): (row["issued"], row["booked"]) for row in rows} == {
        (date(2026, 3, 2), "Talk"): (2, 0),
        (date(2026, 3, 3), "Talk"): (0, 1),
        (date(2026, 3, 4), "Demo"): (1, 1),
        (date(2026, 3, 4), "Talk"): (0, 1),
        (date(2026, 3, 5), "Demo"): (2, 0),
    }
    assert datetime.now(UTC) > START  # else nothing has expired yet
    assert sum(row["expired_unused"] for row in rows) == 1
    assert sum(row["booked_single_use"] or 0 for row in rows) == 2
    assert sum(row["issued_booked"] for row in rows) == 2
    assert [row["conversion_rate"] for row in rows] == [
        usage.compute_conversion_rate(row["issued"], row["issued_booked"]) for row in rows
    ]
