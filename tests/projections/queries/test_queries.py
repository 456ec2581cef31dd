"""Queries of the read models return the same rows from the live tables and from the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.rows import DictRow

from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from domain.managed_link import ManagedLinkUpdated
from domain.meeting_type import MeetingTypeUpdated
from domain.person import PersonActivated, PersonDeactivated, PersonUpdated
from domain.refusals import Invalid
from projections import links, managed_links, meeting_log, meeting_types, people, single_use_links
from projections.catalogue import READ_MODELS, from_live_tables, from_log
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import QuerySource
from projections.single_use_links import SingleUseFilters
from store.database import Database
from tests.projections.story import DAY, HOUR, START, LogBuilder, follow_log

SourceFactory = Callable[[], QuerySource]


@dataclass(frozen=True)
class ComparingSource(QuerySource):
    """A source over the live tables that compares each query's rows with those from the log."""

    def fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None = None) -> list[DictRow]:
        rows = super().fetch_rows(query, params, prepare)
        log_rows = from_log(self.db).fetch_rows(query, params, prepare)
        assert log_rows == rows or ("ORDER BY" not in query and sorted(map(repr, log_rows)) == sorted(map(repr, rows)))
        return rows


@pytest.fixture
def source_factory(live_database: Database) -> SourceFactory:
    """A factory of sources that contain everything appended so far."""

    def build_source() -> QuerySource:
        follow_log(live_database)
        return ComparingSource(live_database, READ_MODELS)

    return build_source


@pytest.fixture
def ada(builder: LogBuilder) -> UUID:
    return builder.add_person("Ada Host")


@pytest.fixture
def bob(builder: LogBuilder) -> UUID:
    return builder.add_person("Bob Cohost")


@pytest.fixture
def intro(builder: LogBuilder) -> UUID:
    return builder.create_meeting_type("Introduction")


class TestPeople:
    def test_a_person_as_last_changed(self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID) -> None:
        properties = {"email": "ada@new.example", "time_zone": "UTC", "roles": ("admin",), "weekly_hours": {}}
        builder.append_event(ada, PersonUpdated, name="Ada L", **properties)
        builder.append_event(ada, PersonDeactivated)
        row = people.find_person(source_factory(), ada)
        assert row is not None
        assert (row["id"], row["name"], row["email"], row["roles"]) == (ada, "Ada L", "ada@new.example", ["admin"])
        assert (row["active"], row["version"], row["weekly_hours"], row["busy_feed_url"]) == (False, 3, {}, None)
        assert row["created_at"] == START + HOUR
        builder.append_event(ada, PersonActivated)
        row = people.find_person(source_factory(), ada)
        assert row is not None
        assert row["active"]
        assert row["version"] == 4

    def test_many_are_in_the_order_asked_for(self, source_factory: SourceFactory, ada: UUID, bob: UUID) -> None:
        assert [row["id"] for row in people.find_people(source_factory(), [bob, uuid4(), ada])] == [bob, ada]

    def test_found_by_prefixes_of_name_and_address(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID
    ) -> None:
        def list_ids(q: str) -> list[UUID]:
            return [row["id"] for row in people.list_people(source, q=q).items]

        source = source_factory()
        assert list_ids("ADA") == [ada]
        assert list_ids("host ada") == [ada]
        assert list_ids("ada@exam") == [ada]
        assert list_ids("ada bob") == []
        assert list_ids("da") == []
        assert list_ids(" -' & | ! :* ") == [bob, ada]
        assert list_ids("o'hara \\ (") == []

    def test_pages(self, builder: LogBuilder, source_factory: SourceFactory) -> None:
        ids = [builder.add_person(f"Person {number}") for number in range(7)]
        source, ids_seen, cursor = source_factory(), [], None
        while True:
            page = people.list_people(source, sort="name", limit=3, cursor=cursor)
            ids_seen += [row["id"] for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert ids_seen == ids
        assert [row["id"] for row in people.list_people(source).items] == ids[::-1]

    @pytest.mark.parametrize("sort", ["name", "-name"])
    def test_pages_lead_back_as_they_led_on(
        self, builder: LogBuilder, source_factory: SourceFactory, sort: str
    ) -> None:
        for number in range(7):
            builder.add_person(f"Person {number}")
        source = source_factory()
        pages = [people.list_people(source, sort=sort, limit=3)]
        while cursor := pages[-1].next_cursor:
            pages.append(people.list_people(source, sort=sort, limit=3, cursor=cursor))
        assert [len(page.items) for page in pages] == [3, 3, 1]
        current_page = pages[-1]
        for expected_page in reversed(pages[:-1]):
            assert current_page.previous_cursor
            current_page = people.list_people(source, sort=sort, limit=3, cursor=current_page.previous_cursor)
            assert current_page.items == expected_page.items
            assert current_page.next_cursor == expected_page.next_cursor
        assert current_page.previous_cursor is None


class TestMeetingTypes:
    def test_a_meeting_type_as_last_changed(
        self, builder: LogBuilder, source_factory: SourceFactory, intro: UUID
    ) -> None:
        row = meeting_types.find_meeting_type(source_factory(), intro)
        assert row is not None
        assert (row["duration_minutes"], row["slot_step_minutes"], row["booking_window_days"]) == (30, 30, 60)
        builder.append_event(
            intro, MeetingTypeUpdated, name="Demo", duration_minutes=45, slot_step_minutes=15, location="Room 1"
        )
        row = meeting_types.find_meeting_type(source_factory(), intro)
        assert row is not None
        assert (row["name"], row["duration_minutes"], row["slot_step_minutes"]) == ("Demo", 45, 15)
        assert (row["location"], row["version"]) == ("Room 1", 2)
        assert [row["id"] for row in meeting_types.list_meeting_types(source_factory(), q="dem").items] == [intro]


class TestManagedLinks:
    def test_a_managed_link(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        managed_link_id = builder.create_managed_link([bob, ada], intro, created_by_id=ada)
        row = managed_links.find_managed_link(source_factory(), managed_link_id)
        assert row is not None
        assert [host["name"] for host in row["hosts"]] == ["Bob Cohost", "Ada Host"]
        assert row["created_by"] == {"id": ada, "name": "Ada Host"}
        assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
        assert row["link_count"] == 2
        payload = {"name": "Sales", "slug": "sales", "meeting_type_id": intro, "host_ids": (ada,)}
        builder.append_event(managed_link_id, ManagedLinkUpdated, **payload)
        (row,) = managed_links.list_managed_links(source_factory()).items
        assert (row["link_count"], row["version"], row["created_by"]) == (1, 2, None)


class TestLinks:
    def test_a_link_with_current_names(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        link = builder.create_link(ada, intro, co_host_ids=(bob,), in_library=True)
        builder.append_event(bob, PersonUpdated, name="Robert", email="b@example.com", time_zone="UTC", roles=())
        row = links.find_link(source_factory(), link, builder.now)
        assert row is not None
        assert row["owner"] == {"id": ada, "name": "Ada Host"}
        assert row["co_hosts"] == [{"id": bob, "name": "Robert"}]
        assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
        assert row["single_use"] == {"issued": 0, "active": 0, "booked": 0}
        assert (row["kind"], row["slug"], row["in_library"], row["version"]) == ("standard", "meet-me", True, 1)
        assert (row["expires_at"], row["managed_link_id"]) == (None, None)

    def test_status_follows_events_and_the_query_time(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
    ) -> None:
        def read_status(elapsed: timedelta = timedelta()) -> str:
            row = links.find_link(source_factory(), link, builder.now + elapsed)
            assert row is not None
            return row["status"]

        link = builder.create_link(ada, intro, expires_at=START + 10 * DAY)
        assert read_status() == "active"
        assert read_status(START + 10 * DAY - builder.now) == "expired"
        assert read_status(START + 10 * DAY - builder.now - timedelta(microseconds=1)) == "active"
        builder.append_event(link, LinkDisabled)
        assert read_status() == "disabled"
        assert read_status(11 * DAY) == "disabled"
        builder.append_event(link, LinkEnabled)
        assert read_status() == "active"
        builder.append_event(link, LinkDisabled)
        builder.append_event(link, LinkDeleted)
        assert read_status(11 * DAY) == "deleted"

    def test_counts_and_impact(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
    ) -> None:
        link, other_link = builder.create_link(ada, intro), builder.create_link(ada, intro, "Other")
        builder.issue_single_use_link(other_link, ada)
        _open, revoked_token, booked_token, moved_token = (builder.issue_single_use_link(link, ada) for _ in range(4))
        builder.revoke_single_use_link(revoked_token)
        soon, later = builder.now + DAY, builder.now + 2 * DAY
        builder.book_meeting(link, [ada], intro, soon, booked_token)
        builder.book_meeting(link, [ada], intro, soon, moved_token)
        builder.reschedule_meeting(moved_token, soon, later)
        builder.cancel_meeting(builder.book_meeting(link, [ada], intro, later + DAY))
        row = links.find_link(source_factory(), link, builder.now)
        assert row is not None
        assert row["single_use"] == {"issued": 4, "active": 1, "booked": 2}
        assert links.compute_impact(source_factory(), link, builder.now) == {
            "active_single_use": 1,
            "booked_upcoming": 2,
        }
        assert links.compute_impact(source_factory(), link, soon) == {"active_single_use": 1, "booked_upcoming": 1}
        assert links.compute_impact(source_factory(), uuid4(), soon) is None
        builder.append_event(link, LinkDisabled)
        row = links.find_link(source_factory(), link, builder.now)
        assert row is not None
        assert row["single_use"] == {"issued": 4, "active": 0, "booked": 2}

    def test_filters(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        managed_link_id = uuid4()
        a = builder.create_link(ada, intro, "Alpha call")
        b = builder.create_link(bob, intro, "beta", in_library=True, expires_at=START)
        c = builder.create_link(ada, intro, "Gamma", kind="managed", managed_link_id=managed_link_id)
        d = builder.create_link(ada, intro, "Delta")
        builder.append_event(d, LinkDeleted)
        builder.append_event(a, LinkUpdated, **builder.build_link_properties(ada, intro, "Alpha call", slug="first"))
        source = source_factory()

        def list_ids(sort: str = "-created_at", **filters: object) -> list[UUID]:
            return [row["id"] for row in links.list_links(source, builder.now, LinkFilters(**filters), sort).items]  # type: ignore[arg-type]

        assert list_ids() == [c, b, a]
        assert list_ids(view="mine", viewer=ada) == [c, a]
        assert list_ids(view="library") == [b]
        assert list_ids(kind="managed") == [c]
        assert list_ids(managed_link_id=managed_link_id) == [c]
        assert list_ids(status="deleted") == [d]
        assert list_ids(status="expired") == [b]
        assert list_ids(status="active") == [c, a]
        assert list_ids(q="alp fir") == [a]
        assert list_ids(sort="name") == [a, b, c]
        assert list_ids(sort="-name") == [c, b, a]
        assert list_ids(sort="created_at") == [a, b, c]
        assert list_ids(sort="-updated_at") == [a, c, b]
        assert list_ids(sort="updated_at") == [b, c, a]
        with pytest.raises(Invalid):
            list_ids(sort="slug")


class TestSingleUseLinks:
    def test_it_follows_its_core_link(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        link = builder.create_link(ada, intro, "Meet", expires_at=START + DAY * 5)
        token = builder.issue_single_use_link(link, bob, "Grace", label="Q2")
        issued_at, demo = builder.now, builder.create_meeting_type("Demo")
        row = single_use_links.find_single_use_link(source_factory(), token, builder.now)
        assert row == {
            "id": token, "status": "active", "link": {"id": link, "name": "Meet"},
            "meeting_type": {"id": intro, "name": "Introduction"}, "issued_by": {"id": bob, "name": "Bob Cohost"},
            "issued_at": issued_at, "recipient": {"name": "Grace", "email": "grace@recipients.example"}, "label": "Q2",
            "metadata": {"deal": "42"}, "expires_at": START + DAY * 5, "booking_id": None, "source": "web",
            "erased": False, "version": 1,
        }  # fmt: skip
        builder.append_event(link, LinkUpdated, **builder.build_link_properties(ada, demo, "Renamed", expires_at=START))
        row = single_use_links.find_single_use_link(source_factory(), token, builder.now)
        assert row is not None
        assert (row["status"], row["expires_at"]) == ("expired", START)
        assert (row["link"]["name"], row["meeting_type"]["name"]) == ("Renamed", "Demo")

    def test_status_by_precedence(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
    ) -> None:
        link = builder.create_link(ada, intro)
        unused_token, revoked_token, booked_token = (
            builder.issue_single_use_link(link, ada),
            builder.issue_single_use_link(link, ada),
            builder.issue_single_use_link(link, ada),
        )
        builder.revoke_single_use_link(revoked_token)
        builder.book_meeting(link, [ada], intro, builder.now + DAY, booked_token)
        builder.cancel_meeting(booked_token)

        def list_statuses() -> list[str]:
            rows = single_use_links.find_single_use_links(
                source_factory(), [unused_token, revoked_token, booked_token], builder.now
            )
            return [row["status"] for row in rows]

        assert list_statuses() == ["active", "revoked", "booked"]
        builder.append_event(link, LinkDisabled)
        assert list_statuses() == ["disabled", "revoked", "booked"]
        builder.append_event(link, LinkDeleted)
        assert list_statuses() == ["deleted", "revoked", "booked"]
        row = single_use_links.find_single_use_link(source_factory(), booked_token, builder.now)
        assert row is not None
        assert row["booking_id"] == booked_token
        assert single_use_links.find_single_use_link(source_factory(), link, builder.now) is None

    def test_filters(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        ada_link, bob_link = builder.create_link(ada, intro, "Alpha"), builder.create_link(bob, intro, "Beta")
        a, b = (
            builder.issue_single_use_link(ada_link, ada, "Grace", "spring"),
            builder.issue_single_use_link(ada_link, bob, "Linus"),
        )
        c, d = builder.issue_single_use_link(bob_link, ada), builder.issue_single_use_link(bob_link, bob, "Gracia")
        builder.book_meeting(bob_link, [bob], intro, builder.now + DAY, d)
        builder.append_event(ada_link, LinkDisabled)
        source = source_factory()

        def list_ids(sort: str = "-issued_at", **filters: object) -> list[UUID]:
            page = single_use_links.list_single_use_links(source, builder.now, SingleUseFilters(**filters), sort)  # type: ignore[arg-type]
            return [row["id"] for row in page.items]

        assert list_ids() == [d, c, b, a]
        assert list_ids(sort="issued_at") == [a, b, c, d]
        assert list_ids(link_id=ada_link) == [b, a]
        assert list_ids(issued_by=ada) == [c, a]
        assert list_ids(visible_to=ada) == [c, b, a]
        assert list_ids(visible_to=bob) == [d, c, b]
        assert list_ids(status="booked") == [d]
        assert list_ids(status="disabled") == [b, a]
        assert list_ids(status="active") == [c]
        assert list_ids(status="revoked") == []
        assert list_ids(q="grac") == [d, a]
        assert list_ids(q="grac alp") == [a]
        assert list_ids(q="SPRING") == [a]
        assert list_ids(q="beta") == [d, c]


class TestMeetingLog:
    def test_the_whole_history_of_a_single_use_booking(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        link = builder.create_link(ada, intro, co_host_ids=(bob,))
        token = builder.issue_single_use_link(link, bob, "Grace", "Q2")
        issued_at, first, second, third = builder.now, builder.now + DAY, builder.now + 2 * DAY, builder.now + 3 * DAY
        builder.book_meeting(link, [ada, bob], intro, first, token, "Grace Hopper")
        booked_at = builder.now
        builder.reschedule_meeting(token, first, second)
        builder.reschedule_meeting(token, second, third)
        details = builder.cancel_meeting(token)
        row = meeting_log.find_meeting(source_factory(), token)
        assert row == {
            "booking_id": token, "booked_at": booked_at, "status": "cancelled", "link_type": "single_use",
            "link": {"id": link, "name": "Meet me"}, "single_use_id": token,
            "recipient": {"name": "Grace", "email": "grace@recipients.example"}, "label": "Q2",
            "meeting_type": {"id": intro, "name": "Introduction"}, "host": {"id": ada, "name": "Ada Host"},
            "co_hosts": [{"id": bob, "name": "Bob Cohost"}],
            "guest": {"name": "Grace Hopper", "email": "grace@guests.example", "time_zone": "Asia/Tokyo"},
            "notes": "see you", "starts_at": third, "ends_at": third + HOUR / 2, "reschedule_count": 2,
            "previous_starts_at": second, "cancelled_at": builder.now, "cancelled_by": "guest", "cancel_reason": "ill",
            "issued_by": {"id": bob, "name": "Bob Cohost"}, "issued_at": issued_at, "source": "web", "erased": False,
            "version": 5,
        }  # fmt: skip
        builder.erase_details(details)
        row = meeting_log.find_meeting(source_factory(), token)
        assert row is not None
        assert (row["erased"], row["cancel_reason"], row["cancelled_by"]) == (True, None, "guest")
        assert row["guest"] is not None

    def test_another_host(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        link = builder.create_link(ada, intro)
        token = builder.book_meeting(link, [ada], intro, builder.now + DAY)
        builder.reassign_meeting(token, [ada], [bob], builder.now + DAY)
        builder.reschedule_meeting(token, builder.now + DAY, builder.now + 2 * DAY)
        [row] = meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=bob, not_cancelled=True)).items
        assert (row["host"]["id"], row["status"], row["version"]) == (bob, "rescheduled", 4)
        assert meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=ada)).items == []
        builder.cancel_meeting(token)
        assert meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=bob, not_cancelled=True)).items == []

    def test_a_direct_booking(self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID) -> None:
        link = builder.create_link(ada, intro, kind="managed")
        token = builder.book_meeting(link, [ada], intro, builder.now + DAY, kind="managed")
        row = meeting_log.find_meeting(source_factory(), token)
        assert row is not None
        assert (row["status"], row["link_type"], row["single_use_id"]) == ("scheduled", "managed", None)
        assert (row["issued_by"], row["issued_at"], row["recipient"], row["label"]) == (None, None, None, None)
        assert (row["reschedule_count"], row["previous_starts_at"], row["cancelled_at"]) == (0, None, None)
        unused = builder.issue_single_use_link(link, ada)
        assert meeting_log.find_meeting(source_factory(), unused) is None

    def test_filters(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        demo, start = builder.create_meeting_type("Demo"), START + 30 * DAY
        alpha, beta = builder.create_link(ada, intro, "Alpha"), builder.create_link(bob, demo, "Beta")
        token = builder.issue_single_use_link(alpha, bob, "Recipient")
        a = builder.book_meeting(alpha, [ada, bob], intro, start + 3 * HOUR, token, "Zoe Quinn")
        b = builder.book_meeting(alpha, [ada], intro, start + 2 * HOUR, guest="Yan Alphason")
        b_booked = builder.now
        c = builder.book_meeting(beta, [bob], demo, start + HOUR, guest="Xi", kind="managed")
        builder.reschedule_meeting(b, start + 2 * HOUR, start + 4 * HOUR)
        builder.cancel_meeting(c, cancelled_by="host")
        source = source_factory()

        def list_ids(sort: str = "-booked_at", **filters: object) -> list[UUID]:
            meeting_filters = MeetingFilters(**filters)  # type: ignore[arg-type]
            rows = list(meeting_log.iterate_meetings(source, meeting_filters, sort))
            assert rows == meeting_log.list_meetings(source, meeting_filters, sort).items
            return [row["booking_id"] for row in rows]

        assert list_ids() == [c, b, a]
        assert list_ids("booked_at") == [a, b, c]
        assert list_ids("starts_at") == [c, a, b]
        assert list_ids("-starts_at") == [b, a, c]
        assert list_ids(link_type="single_use") == [a]
        assert list_ids(link_type="managed") == [c]
        assert list_ids(hide_single_use=True) == [c, b]
        assert list_ids(status="scheduled") == [a]
        assert list_ids(status="rescheduled") == [b]
        assert list_ids(status="cancelled") == [c]
        assert list_ids(host_id=ada) == [b, a]
        assert list_ids(host_id=bob) == [c, a]
        assert list_ids(link_id=alpha) == [b, a]
        assert list_ids(meeting_type_id=demo) == [c]
        assert list_ids(booked_from=b_booked) == [c, b]
        assert list_ids(booked_to=b_booked) == [a]
        assert list_ids(starts_from=start + 3 * HOUR) == [b, a]
        assert list_ids(starts_to=start + 3 * HOUR) == [c]
        assert list_ids(visible_to=bob) == [c, a]
        assert list_ids(visible_to=ada) == [b, a]
        assert list_ids(q="zoe") == [a]
        assert list_ids(q="recip ZO") == [a]
        assert list_ids(q="alpha") == [b, a]
        assert list_ids(q="alpha yan") == [b]
        assert list_ids(q="@guests") == [c, b, a]
        assert list_ids(q="nobody") == []
        assert list_ids(q="--") == [c, b, a]
        assert list_ids(hide_single_use=True, status="cancelled", q="xi", host_id=bob) == [c]

    def test_someone_who_owns_the_link_but_does_not_host(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        token = builder.book_meeting(builder.create_link(ada, intro), [bob], intro, builder.now + DAY)
        rows = meeting_log.list_meetings(source_factory(), MeetingFilters(visible_to=ada)).items
        assert [row["booking_id"] for row in rows] == [token]

    def test_pages_lose_and_repeat_nothing(
        self, builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
    ) -> None:
        link, start = builder.create_link(ada, intro), START + 30 * DAY
        tokens = [builder.book_meeting(link, [ada], intro, start) for _ in range(5)]
        source, ids_seen, cursor = source_factory(), [], None
        for _ in range(3):
            page = meeting_log.list_meetings(source, MeetingFilters(), "starts_at", limit=2, cursor=cursor)
            ids_seen += [row["booking_id"] for row in page.items]
            cursor = page.next_cursor
        assert cursor is None
        assert ids_seen == sorted(tokens)


class TestCursors:
    @pytest.mark.parametrize("cursor", ["", "x", "é", "WzFd", "bnVsbA", "WyItYm9va2VkX2F0IiwxLDJd", "A" * 5000])
    def test_malformed(self, live_database: Database, cursor: str) -> None:
        with pytest.raises(Invalid) as error:
            meeting_log.list_meetings(from_live_tables(live_database), MeetingFilters(), cursor=cursor)
        assert error.value.field == "cursor"

    def test_of_another_sort(self, builder: LogBuilder, live_database: Database) -> None:
        for name in ("Ada", "Bob"):
            builder.add_person(name)
        follow_log(live_database)
        cursor = people.list_people(from_live_tables(live_database), limit=1).next_cursor
        assert cursor is not None
        assert len(people.list_people(from_live_tables(live_database), limit=1, cursor=cursor).items) == 1
        with pytest.raises(Invalid):
            people.list_people(from_live_tables(live_database), sort="name", cursor=cursor)
