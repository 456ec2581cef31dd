"""What the read models answer, from the live tables and from the log alike."""

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
from projections.catalogue import READ_MODELS, from_log, live
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import Source
from projections.single_use_links import SingleUseFilters
from store.database import Database
from tests.projections.story import DAY, HOUR, START, Story, follow

Asking = Callable[[], Source]


@dataclass(frozen=True)
class Both(Source):
    """The live tables, which must say the same as the log does: each question is asked of both."""

    def rows(self, question: str, params: Mapping[str, Any], prepare: bool | None = None) -> list[DictRow]:
        found = super().rows(question, params, prepare)
        logged = from_log(self.db).rows(question, params, prepare)
        assert logged == found or ("ORDER BY" not in question and sorted(map(repr, logged)) == sorted(map(repr, found)))
        return found


@pytest.fixture
def asking(followed: Database) -> Asking:
    """A source with everything that was told so far."""

    def source() -> Source:
        follow(followed)
        return Both(followed, READ_MODELS)

    return source


@pytest.fixture
def ada(story: Story) -> UUID:
    return story.person("Ada Host")


@pytest.fixture
def bob(story: Story) -> UUID:
    return story.person("Bob Cohost")


@pytest.fixture
def intro(story: Story) -> UUID:
    return story.meeting_type("Introduction")


class TestPeople:
    def test_a_person_as_it_was_last_told(self, story: Story, asking: Asking, ada: UUID) -> None:
        properties = {"email": "ada@new.example", "time_zone": "UTC", "roles": ("admin",), "weekly_hours": {}}
        story.tell(ada, PersonUpdated, name="Ada L", **properties)
        story.tell(ada, PersonDeactivated)
        row = people.one(asking(), ada)
        assert row is not None
        assert (row["id"], row["name"], row["email"], row["roles"]) == (ada, "Ada L", "ada@new.example", ["admin"])
        assert (row["active"], row["version"], row["weekly_hours"], row["busy_feed_url"]) == (False, 3, {}, None)
        assert row["created_at"] == START + HOUR
        story.tell(ada, PersonActivated)
        row = people.one(asking(), ada)
        assert row is not None
        assert row["active"]
        assert row["version"] == 4

    def test_many_are_in_the_order_asked_for(self, asking: Asking, ada: UUID, bob: UUID) -> None:
        assert [row["id"] for row in people.many(asking(), [bob, uuid4(), ada])] == [bob, ada]

    def test_found_by_prefixes_of_name_and_address(self, story: Story, asking: Asking, ada: UUID, bob: UUID) -> None:
        def found(q: str) -> list[UUID]:
            return [row["id"] for row in people.page(source, q=q).items]

        source = asking()
        assert found("ADA") == [ada]
        assert found("host ada") == [ada]
        assert found("ada@exam") == [ada]
        assert found("ada bob") == []
        assert found("da") == []
        assert found(" -' & | ! :* ") == [bob, ada]
        assert found("o'hara \\ (") == []

    def test_pages(self, story: Story, asking: Asking) -> None:
        ids = [story.person(f"Person {number}") for number in range(7)]
        source, seen, cursor = asking(), [], None
        while True:
            page = people.page(source, sort="name", limit=3, cursor=cursor)
            seen += [row["id"] for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == ids
        assert [row["id"] for row in people.page(source).items] == ids[::-1]

    @pytest.mark.parametrize("sort", ["name", "-name"])
    def test_pages_lead_back_as_they_led_on(self, story: Story, asking: Asking, sort: str) -> None:
        for number in range(7):
            story.person(f"Person {number}")
        source = asking()
        pages = [people.page(source, sort=sort, limit=3)]
        while cursor := pages[-1].next_cursor:
            pages.append(people.page(source, sort=sort, limit=3, cursor=cursor))
        assert [len(page.items) for page in pages] == [3, 3, 1]
        back = pages[-1]
        for before in reversed(pages[:-1]):
            assert back.previous_cursor
            back = people.page(source, sort=sort, limit=3, cursor=back.previous_cursor)
            assert back.items == before.items
            assert back.next_cursor == before.next_cursor
        assert back.previous_cursor is None


class TestMeetingTypes:
    def test_a_meeting_type_as_it_was_last_told(self, story: Story, asking: Asking, intro: UUID) -> None:
        row = meeting_types.one(asking(), intro)
        assert row is not None
        assert (row["duration_minutes"], row["slot_step_minutes"], row["booking_window_days"]) == (30, 30, 60)
        story.tell(intro, MeetingTypeUpdated, name="Demo", duration_minutes=45, slot_step_minutes=15, location="Room 1")
        row = meeting_types.one(asking(), intro)
        assert row is not None
        assert (row["name"], row["duration_minutes"], row["slot_step_minutes"]) == ("Demo", 45, 15)
        assert (row["location"], row["version"]) == ("Room 1", 2)
        assert [row["id"] for row in meeting_types.page(asking(), q="dem").items] == [intro]


class TestManagedLinks:
    def test_a_managed_link(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        managed = story.managed_link([bob, ada], intro, created_by_id=ada)
        row = managed_links.one(asking(), managed)
        assert row is not None
        assert [host["name"] for host in row["hosts"]] == ["Bob Cohost", "Ada Host"]
        assert row["created_by"] == {"id": ada, "name": "Ada Host"}
        assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
        assert row["link_count"] == 2
        told = {"name": "Sales", "slug": "sales", "meeting_type_id": intro, "host_ids": (ada,)}
        story.tell(managed, ManagedLinkUpdated, **told)
        (row,) = managed_links.page(asking()).items
        assert (row["link_count"], row["version"], row["created_by"]) == (1, 2, None)


class TestLinks:
    def test_a_link_with_current_names(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        link = story.link(ada, intro, co_host_ids=(bob,), in_library=True)
        story.tell(bob, PersonUpdated, name="Robert", email="b@example.com", time_zone="UTC", roles=())
        row = links.one(asking(), link, story.now)
        assert row is not None
        assert row["owner"] == {"id": ada, "name": "Ada Host"}
        assert row["co_hosts"] == [{"id": bob, "name": "Robert"}]
        assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
        assert row["single_use"] == {"issued": 0, "active": 0, "booked": 0}
        assert (row["kind"], row["slug"], row["in_library"], row["version"]) == ("standard", "meet-me", True, 1)
        assert (row["expires_at"], row["managed_link_id"]) == (None, None)

    def test_status_follows_events_and_the_questions_now(
        self, story: Story, asking: Asking, ada: UUID, intro: UUID
    ) -> None:
        def status(now: timedelta = timedelta()) -> str:
            row = links.one(asking(), link, story.now + now)
            assert row is not None
            return row["status"]

        link = story.link(ada, intro, expires_at=START + 10 * DAY)
        assert status() == "active"
        assert status(START + 10 * DAY - story.now) == "expired"
        assert status(START + 10 * DAY - story.now - timedelta(microseconds=1)) == "active"
        story.tell(link, LinkDisabled)
        assert status() == "disabled"
        assert status(11 * DAY) == "disabled"
        story.tell(link, LinkEnabled)
        assert status() == "active"
        story.tell(link, LinkDisabled)
        story.tell(link, LinkDeleted)
        assert status(11 * DAY) == "deleted"

    def test_counts_and_impact(self, story: Story, asking: Asking, ada: UUID, intro: UUID) -> None:
        link, other = story.link(ada, intro), story.link(ada, intro, "Other")
        story.issue(other, ada)
        _open, revoked, booked, moved = (story.issue(link, ada) for _ in range(4))
        story.revoke(revoked)
        soon, later = story.now + DAY, story.now + 2 * DAY
        story.book(link, [ada], intro, soon, booked)
        story.book(link, [ada], intro, soon, moved)
        story.reschedule(moved, soon, later)
        story.cancel(story.book(link, [ada], intro, later + DAY))
        row = links.one(asking(), link, story.now)
        assert row is not None
        assert row["single_use"] == {"issued": 4, "active": 1, "booked": 2}
        assert links.impact(asking(), link, story.now) == {"active_single_use": 1, "booked_upcoming": 2}
        assert links.impact(asking(), link, soon) == {"active_single_use": 1, "booked_upcoming": 1}
        assert links.impact(asking(), uuid4(), soon) is None
        story.tell(link, LinkDisabled)
        row = links.one(asking(), link, story.now)
        assert row is not None
        assert row["single_use"] == {"issued": 4, "active": 0, "booked": 2}

    def test_filters(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        managed = uuid4()
        a = story.link(ada, intro, "Alpha call")
        b = story.link(bob, intro, "beta", in_library=True, expires_at=START)
        c = story.link(ada, intro, "Gamma", kind="managed", managed_link_id=managed)
        d = story.link(ada, intro, "Delta")
        story.tell(d, LinkDeleted)
        story.tell(a, LinkUpdated, **story.link_properties(ada, intro, "Alpha call", slug="first"))
        source = asking()

        def found(sort: str = "-created_at", **filters: object) -> list[UUID]:
            return [row["id"] for row in links.page(source, story.now, LinkFilters(**filters), sort).items]  # type: ignore[arg-type]

        assert found() == [c, b, a]
        assert found(view="mine", viewer=ada) == [c, a]
        assert found(view="library") == [b]
        assert found(kind="managed") == [c]
        assert found(managed_link_id=managed) == [c]
        assert found(status="deleted") == [d]
        assert found(status="expired") == [b]
        assert found(status="active") == [c, a]
        assert found(q="alp fir") == [a]
        assert found(sort="name") == [a, b, c]
        assert found(sort="-name") == [c, b, a]
        assert found(sort="created_at") == [a, b, c]
        assert found(sort="-updated_at") == [a, c, b]
        assert found(sort="updated_at") == [b, c, a]
        with pytest.raises(Invalid):
            found(sort="slug")


class TestSingleUseLinks:
    def test_it_follows_its_core_link(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        link = story.link(ada, intro, "Meet", expires_at=START + DAY * 5)
        token = story.issue(link, bob, "Grace", label="Q2")
        issued_at, demo = story.now, story.meeting_type("Demo")
        row = single_use_links.one(asking(), token, story.now)
        assert row == {
            "id": token, "status": "active", "link": {"id": link, "name": "Meet"},
            "meeting_type": {"id": intro, "name": "Introduction"}, "issued_by": {"id": bob, "name": "Bob Cohost"},
            "issued_at": issued_at, "recipient": {"name": "Grace", "email": "grace@recipients.example"}, "label": "Q2",
            "metadata": {"deal": "42"}, "expires_at": START + DAY * 5, "booking_id": None, "source": "web",
            "erased": False, "version": 1,
        }  # fmt: skip
        story.tell(link, LinkUpdated, **story.link_properties(ada, demo, "Renamed", expires_at=START))
        row = single_use_links.one(asking(), token, story.now)
        assert row is not None
        assert (row["status"], row["expires_at"]) == ("expired", START)
        assert (row["link"]["name"], row["meeting_type"]["name"]) == ("Renamed", "Demo")

    def test_status_by_precedence(self, story: Story, asking: Asking, ada: UUID, intro: UUID) -> None:
        link = story.link(ada, intro)
        unused, revoked, booked = story.issue(link, ada), story.issue(link, ada), story.issue(link, ada)
        story.revoke(revoked)
        story.book(link, [ada], intro, story.now + DAY, booked)
        story.cancel(booked)

        def statuses() -> list[str]:
            rows = single_use_links.many(asking(), [unused, revoked, booked], story.now)
            return [row["status"] for row in rows]

        assert statuses() == ["active", "revoked", "booked"]
        story.tell(link, LinkDisabled)
        assert statuses() == ["disabled", "revoked", "booked"]
        story.tell(link, LinkDeleted)
        assert statuses() == ["deleted", "revoked", "booked"]
        row = single_use_links.one(asking(), booked, story.now)
        assert row is not None
        assert row["booking_id"] == booked
        assert single_use_links.one(asking(), link, story.now) is None

    def test_filters(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        mine, theirs = story.link(ada, intro, "Alpha"), story.link(bob, intro, "Beta")
        a, b = story.issue(mine, ada, "Grace", "spring"), story.issue(mine, bob, "Linus")
        c, d = story.issue(theirs, ada), story.issue(theirs, bob, "Gracia")
        story.book(theirs, [bob], intro, story.now + DAY, d)
        story.tell(mine, LinkDisabled)
        source = asking()

        def found(sort: str = "-issued_at", **filters: object) -> list[UUID]:
            page = single_use_links.page(source, story.now, SingleUseFilters(**filters), sort)  # type: ignore[arg-type]
            return [row["id"] for row in page.items]

        assert found() == [d, c, b, a]
        assert found(sort="issued_at") == [a, b, c, d]
        assert found(link_id=mine) == [b, a]
        assert found(issued_by=ada) == [c, a]
        assert found(visible_to=ada) == [c, b, a]
        assert found(visible_to=bob) == [d, c, b]
        assert found(status="booked") == [d]
        assert found(status="disabled") == [b, a]
        assert found(status="active") == [c]
        assert found(status="revoked") == []
        assert found(q="grac") == [d, a]
        assert found(q="grac alp") == [a]
        assert found(q="SPRING") == [a]
        assert found(q="beta") == [d, c]


class TestMeetingLog:
    def test_the_whole_story_of_a_single_use_booking(
        self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        link = story.link(ada, intro, co_host_ids=(bob,))
        token = story.issue(link, bob, "Grace", "Q2")
        issued_at, first, second, third = story.now, story.now + DAY, story.now + 2 * DAY, story.now + 3 * DAY
        story.book(link, [ada, bob], intro, first, token, "Grace Hopper")
        booked_at = story.now
        story.reschedule(token, first, second)
        story.reschedule(token, second, third)
        details = story.cancel(token)
        row = meeting_log.one(asking(), token)
        assert row == {
            "booking_id": token, "booked_at": booked_at, "status": "cancelled", "link_type": "single_use",
            "link": {"id": link, "name": "Meet me"}, "single_use_id": token,
            "recipient": {"name": "Grace", "email": "grace@recipients.example"}, "label": "Q2",
            "meeting_type": {"id": intro, "name": "Introduction"}, "host": {"id": ada, "name": "Ada Host"},
            "co_hosts": [{"id": bob, "name": "Bob Cohost"}],
            "guest": {"name": "Grace Hopper", "email": "grace@guests.example", "time_zone": "Asia/Tokyo"},
            "notes": "see you", "starts_at": third, "ends_at": third + HOUR / 2, "reschedule_count": 2,
            "previous_starts_at": second, "cancelled_at": story.now, "cancelled_by": "guest", "cancel_reason": "ill",
            "issued_by": {"id": bob, "name": "Bob Cohost"}, "issued_at": issued_at, "source": "web", "erased": False,
            "version": 5,
        }  # fmt: skip
        story.erase(details)
        row = meeting_log.one(asking(), token)
        assert row is not None
        assert (row["erased"], row["cancel_reason"], row["cancelled_by"]) == (True, None, "guest")
        assert row["guest"] is not None

    def test_another_host(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        link = story.link(ada, intro)
        token = story.book(link, [ada], intro, story.now + DAY)
        story.reassign(token, [ada], [bob], story.now + DAY)
        story.reschedule(token, story.now + DAY, story.now + 2 * DAY)
        [row] = meeting_log.page(asking(), MeetingFilters(host_id=bob, standing=True)).items
        assert (row["host"]["id"], row["status"], row["version"]) == (bob, "rescheduled", 4)
        assert meeting_log.page(asking(), MeetingFilters(host_id=ada)).items == []
        story.cancel(token)
        assert meeting_log.page(asking(), MeetingFilters(host_id=bob, standing=True)).items == []

    def test_a_direct_booking(self, story: Story, asking: Asking, ada: UUID, intro: UUID) -> None:
        link = story.link(ada, intro, kind="managed")
        token = story.book(link, [ada], intro, story.now + DAY, kind="managed")
        row = meeting_log.one(asking(), token)
        assert row is not None
        assert (row["status"], row["link_type"], row["single_use_id"]) == ("scheduled", "managed", None)
        assert (row["issued_by"], row["issued_at"], row["recipient"], row["label"]) == (None, None, None, None)
        assert (row["reschedule_count"], row["previous_starts_at"], row["cancelled_at"]) == (0, None, None)
        unused = story.issue(link, ada)
        assert meeting_log.one(asking(), unused) is None

    def test_filters(self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID) -> None:
        demo, start = story.meeting_type("Demo"), START + 30 * DAY
        alpha, beta = story.link(ada, intro, "Alpha"), story.link(bob, demo, "Beta")
        token = story.issue(alpha, bob, "Recipient")
        a = story.book(alpha, [ada, bob], intro, start + 3 * HOUR, token, "Zoe Quinn")
        b = story.book(alpha, [ada], intro, start + 2 * HOUR, guest="Yan Alphason")
        b_booked = story.now
        c = story.book(beta, [bob], demo, start + HOUR, guest="Xi", kind="managed")
        story.reschedule(b, start + 2 * HOUR, start + 4 * HOUR)
        story.cancel(c, by="host")
        source = asking()

        def found(sort: str = "-booked_at", **filters: object) -> list[UUID]:
            chosen = MeetingFilters(**filters)  # type: ignore[arg-type]
            rows = list(meeting_log.stream(source, chosen, sort))
            assert rows == meeting_log.page(source, chosen, sort).items
            return [row["booking_id"] for row in rows]

        assert found() == [c, b, a]
        assert found("booked_at") == [a, b, c]
        assert found("starts_at") == [c, a, b]
        assert found("-starts_at") == [b, a, c]
        assert found(link_type="single_use") == [a]
        assert found(link_type="managed") == [c]
        assert found(hide_single_use=True) == [c, b]
        assert found(status="scheduled") == [a]
        assert found(status="rescheduled") == [b]
        assert found(status="cancelled") == [c]
        assert found(host_id=ada) == [b, a]
        assert found(host_id=bob) == [c, a]
        assert found(link_id=alpha) == [b, a]
        assert found(meeting_type_id=demo) == [c]
        assert found(booked_from=b_booked) == [c, b]
        assert found(booked_to=b_booked) == [a]
        assert found(starts_from=start + 3 * HOUR) == [b, a]
        assert found(starts_to=start + 3 * HOUR) == [c]
        assert found(visible_to=bob) == [c, a]
        assert found(visible_to=ada) == [b, a]
        assert found(q="zoe") == [a]
        assert found(q="recip ZO") == [a]
        assert found(q="alpha") == [b, a]
        assert found(q="alpha yan") == [b]
        assert found(q="@guests") == [c, b, a]
        assert found(q="nobody") == []
        assert found(q="--") == [c, b, a]
        assert found(hide_single_use=True, status="cancelled", q="xi", host_id=bob) == [c]

    def test_someone_who_owns_the_link_but_does_not_host(
        self, story: Story, asking: Asking, ada: UUID, bob: UUID, intro: UUID
    ) -> None:
        token = story.book(story.link(ada, intro), [bob], intro, story.now + DAY)
        rows = meeting_log.page(asking(), MeetingFilters(visible_to=ada)).items
        assert [row["booking_id"] for row in rows] == [token]

    def test_pages_lose_and_repeat_nothing(self, story: Story, asking: Asking, ada: UUID, intro: UUID) -> None:
        link, start = story.link(ada, intro), START + 30 * DAY
        tokens = [story.book(link, [ada], intro, start) for _ in range(5)]
        source, seen, cursor = asking(), [], None
        for _ in range(3):
            page = meeting_log.page(source, MeetingFilters(), "starts_at", limit=2, cursor=cursor)
            seen += [row["booking_id"] for row in page.items]
            cursor = page.next_cursor
        assert cursor is None
        assert seen == sorted(tokens)


class TestCursors:
    @pytest.mark.parametrize("cursor", ["", "x", "é", "WzFd", "bnVsbA", "WyItYm9va2VkX2F0IiwxLDJd", "A" * 5000])
    def test_malformed(self, followed: Database, cursor: str) -> None:
        with pytest.raises(Invalid) as refused:
            meeting_log.page(live(followed), MeetingFilters(), cursor=cursor)
        assert refused.value.field == "cursor"

    def test_of_another_sort(self, story: Story, followed: Database) -> None:
        for name in ("Ada", "Bob"):
            story.person(name)
        follow(followed)
        cursor = people.page(live(followed), limit=1).next_cursor
        assert cursor is not None
        assert len(people.page(live(followed), limit=1, cursor=cursor).items) == 1
        with pytest.raises(Invalid):
            people.page(live(followed), sort="name", cursor=cursor)
