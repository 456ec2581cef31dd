"""Usage: counted by day, link, issuer, meeting type and source, the same over the live tables and over the log."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.availability.offer import days_as_interval
from domain.link import LinkUpdated
from domain.refusals import Invalid
from projections import catalogue, usage
from projections.queries.query import Source
from projections.rebuild import live_tables
from projections.usage import GroupBy, UsageFilters
from store.database import Database
from store.embedded.server import Server
from tests.conftest import new_schema
from tests.projections.story import DAY, HOUR, START, Story, follow

FIRST = START.date()
FAR = START + 300 * DAY
NOTHING = {"issued": 0, "booked": 0, "rescheduled": 0, "cancelled": 0, "expired_unused": 0}


def days(count: int = 5, zone: str = "UTC", first: date = FIRST) -> UsageFilters:
    """That many days from the beginning of the story."""
    all_days = [first + timedelta(days=n) for n in range(count)]
    starts = [days_as_interval(day, day, zone).start for day in all_days]
    return UsageFilters(all_days, starts, days_as_interval(all_days[-1], all_days[-1], zone).end)


class Told:
    """A story with something of everything: two people, two types, two links, five days."""

    def __init__(self, story: Story) -> None:
        self.julio, self.anna = story.person("Julio"), story.person("Anna")
        self.intro, self.dive = story.meeting_type("Intro"), story.meeting_type("Deep dive")
        self.talk = story.link(self.julio, self.intro, "Talk")
        self.demo = story.link(self.anna, self.intro, "Demo")
        story.now = START + 8 * HOUR
        story.source = "extension"
        used = story.issue(self.talk, self.julio)  # 18:00 on the first day
        story.source = "web"
        story.issue(self.talk, self.anna)
        story.now = START + DAY + 13 * HOUR  # 22:00 on the second day, UTC
        self.booked = story.book(self.talk, [self.julio], self.intro, FAR, used)  # 23:00, 29 h after its issue
        story.now += HOUR
        story.source = "api"
        late = story.issue(self.demo, self.anna)  # 01:00 on the third day
        story.source = "web"
        story.now += 2 * HOUR - HOUR
        self.moved = story.book(self.demo, [self.anna], self.dive, FAR, late)  # 03:00, two hours later
        story.reschedule(self.moved, FAR, FAR + DAY)
        story.reschedule(self.moved, FAR + DAY, FAR + 2 * DAY)
        story.source = "api"
        self.direct = story.book(self.talk, [self.julio, self.anna], self.intro, FAR + DAY)
        story.source = "web"
        story.now = START + 3 * DAY
        story.cancel(self.direct)
        story.revoke(story.issue(self.demo, self.julio))
        story.issue(self.demo, self.julio)
        expired = story.link_properties(self.anna, self.dive, "Demo", expires_at=START + 4 * DAY)
        story.tell(self.demo, LinkUpdated, **expired)
        self.now = START + 5 * DAY


@pytest.fixture(scope="module")
def followed(server: Server, service_url: str) -> Iterator[Database]:
    """A database with its live tables, in which one story is told to all tests: they only read."""
    with new_schema(server) as schema:
        found = Database(service_url, schema).open()
        live_tables.ensure(found)
        yield found
        found.close()


@pytest.fixture(scope="module")
def told(followed: Database, owner_url: str) -> Told:
    """The story, followed."""
    found = Told(Story(followed, owner_url))
    follow(followed)
    return found


@pytest.fixture(params=["live", "log"])
def source(request: pytest.FixtureRequest, followed: Database, told: Told) -> Source:
    """The live tables, and the log."""
    return catalogue.live(followed) if request.param == "live" else catalogue.from_log(followed)


def counted(source: Source, told: Told, by: GroupBy, filters: UsageFilters | None = None) -> dict[Any, Any]:
    """Each group with what is not zero."""
    rows = usage.page(source, told.now, by, filters or days()).items
    found = {}
    for row in rows:
        name: Any = row[by]
        key = name["name"] if isinstance(name, dict) else name
        found[key] = {
            field: row[field]  # type: ignore[literal-required]
            for field in (*NOTHING, "median_hours_to_booking")
            if row[field]  # type: ignore[literal-required]
        }
    return found


class TestCounting:
    """Each number, by each grouping."""

    def test_by_day(self, source: Source, told: Told) -> None:
        assert counted(source, told, "day") == {
            date(2026, 3, 2): {"issued": 2},
            date(2026, 3, 3): {"booked": 1, "median_hours_to_booking": 29.0},
            date(2026, 3, 4): {
                "issued": 1, "booked": 2, "rescheduled": 1, "cancelled": 1, "median_hours_to_booking": 2.0,
            },
            date(2026, 3, 5): {"issued": 2, "expired_unused": 1},
            date(2026, 3, 6): {},
        }  # fmt: skip

    def test_by_link(self, source: Source, told: Told) -> None:
        assert counted(source, told, "link") == {
            "Talk": {"issued": 2, "booked": 2, "cancelled": 1, "median_hours_to_booking": 29.0},
            "Demo": {
                "issued": 3, "booked": 1, "rescheduled": 1, "expired_unused": 1, "median_hours_to_booking": 2.0,
            },
        }  # fmt: skip

    def test_by_issuer(self, source: Source, told: Told) -> None:
        found = counted(source, told, "issuer")
        assert found["Julio"] == {"issued": 3, "booked": 1, "expired_unused": 1, "median_hours_to_booking": 29.0}
        assert found["Anna"] == {"issued": 2, "booked": 1, "rescheduled": 1, "median_hours_to_booking": 2.0}
        assert found[None] == {"booked": 1, "cancelled": 1}

    def test_by_meeting_type(self, source: Source, told: Told) -> None:
        """A booked link counts as what it booked, an unused one as what its link offers now."""
        assert counted(source, told, "meeting_type") == {
            "Intro": {"issued": 2, "booked": 2, "cancelled": 1, "median_hours_to_booking": 29.0},
            "Deep dive": {
                "issued": 3, "booked": 1, "rescheduled": 1, "expired_unused": 1, "median_hours_to_booking": 2.0,
            },
        }  # fmt: skip

    def test_by_link_type(self, source: Source, told: Told) -> None:
        only = {**{name: getattr(days(), name) for name in ("days", "starts", "until")}}
        direct = counted(source, told, "link", UsageFilters(**only, link_type="standard"))
        assert direct == {"Talk": {"booked": 1, "cancelled": 1}}
        single = counted(source, told, "link", UsageFilters(**only, link_type="single_use"))
        assert single["Talk"] == {"issued": 2, "booked": 1, "median_hours_to_booking": 29.0}

    def test_by_source_is_where_a_single_use_link_was_issued_or_else_where_it_was_booked(
        self, source: Source, told: Told
    ) -> None:
        assert counted(source, told, "source") == {
            "extension": {"issued": 1, "booked": 1, "median_hours_to_booking": 29.0},
            "api": {"issued": 1, "booked": 2, "rescheduled": 1, "cancelled": 1, "median_hours_to_booking": 2.0},
            "web": {"issued": 3, "expired_unused": 1},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("one", "found"),
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
    def test_of_one_source(self, source: Source, told: Told, one: str, found: dict[str, Any]) -> None:
        only = {**{name: getattr(days(), name) for name in ("days", "starts", "until")}}
        assert counted(source, told, "link", UsageFilters(**only, source=one)) == found
        assert list(counted(source, told, "source", UsageFilters(**only, source=one))) == ([one] if found else [])

    def test_somebody_sees_what_their_lists_show(self, source: Source, told: Told) -> None:
        only = {**{name: getattr(days(), name) for name in ("days", "starts", "until")}}
        found = counted(source, told, "link", UsageFilters(**only, visible_to=told.julio))
        assert found["Talk"]["issued"] == 2
        assert found["Demo"] == {"issued": 2, "expired_unused": 1}
        assert counted(source, told, "link", UsageFilters(**only, visible_to=UUID(int=0))) == {}

    def test_before_it_expires_nothing_has(self, source: Source, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(told, "now", START + 3 * DAY)
        assert "expired_unused" not in counted(source, told, "link")["Demo"]

    def test_days_begin_in_the_zone(self, source: Source, told: Told) -> None:
        """23:00 on the third of March in UTC is the fourth in Tokyo; 18:00 on the second is the third."""
        found = counted(source, told, "day", days(5, "Asia/Tokyo"))
        assert found[date(2026, 3, 2)] == {}
        assert found[date(2026, 3, 3)] == {"issued": 2}
        assert found[date(2026, 3, 4)]["booked"] == 3

    def test_nothing_outside_of_the_period(self, source: Source, told: Told) -> None:
        found = counted(source, told, "link", days(1))
        assert found == {"Talk": {"issued": 2}}
        assert counted(source, told, "link", days(9, first=date(2027, 1, 1))) == {}

    def test_groups_add_up_to_days(self, source: Source, told: Told) -> None:
        def total(by: GroupBy) -> dict[str, int]:
            rows = usage.page(source, told.now, by, days()).items
            return {field: sum(row[field] for row in rows) for field in NOTHING}  # type: ignore[literal-required]

        assert total("day") == {"issued": 5, "booked": 3, "rescheduled": 1, "cancelled": 1, "expired_unused": 1}
        assert total("link") == total("issuer") == total("meeting_type") == total("source") == total("day")


class TestPages:
    """Keyset pages, most booked first."""

    @pytest.mark.parametrize("by", ["day", "link", "issuer", "meeting_type", "source"])
    @pytest.mark.parametrize("limit", [1, 2])
    def test_pages_make_the_whole(self, source: Source, told: Told, by: GroupBy, limit: int) -> None:
        everything = usage.page(source, told.now, by, days()).items
        found, cursor = [], None
        while True:
            page = usage.page(source, told.now, by, days(), limit, cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
        assert found == everything
        assert len(found) > 1

    def test_what_is_used_most_comes_first(self, source: Source, told: Told) -> None:
        assert list(counted(source, told, "link")) == ["Talk", "Demo"]
        assert list(counted(source, told, "day")) == sorted(counted(source, told, "day"))

    @pytest.mark.parametrize("cursor", ["", "zqx", "W10", "é", "W1siZGF5IiwxLCIiXQ" * 9])
    def test_a_foreign_cursor_is_refused(self, source: Source, told: Told, cursor: str) -> None:
        with pytest.raises(Invalid):
            usage.page(source, told.now, "day", days(), 50, cursor)
        of_links = usage.page(source, told.now, "link", days(), 1).next_cursor
        with pytest.raises(Invalid):
            usage.page(source, told.now, "issuer", days(), 1, of_links)
        with pytest.raises(Invalid):
            usage.page(source, told.now, "source", days(), 1, forged("source", str(UUID(int=0))))
        with pytest.raises(Invalid):
            usage.page(source, told.now, "link", days(), 1, forged("link", "extension"))


def forged(*parts: str) -> str:
    """A cursor that looks like one of a grouping, with a key of our own."""
    group, key = parts
    return urlsafe_b64encode(json.dumps([group, -1, key]).encode()).decode().rstrip("=")


def test_the_analysts_view_says_the_same(followed: Database, told: Told) -> None:
    rows = followed.rows("SELECT * FROM {reporting}.link_usage_daily ORDER BY day, link_name")
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
