"""The meeting log, as queries of the live tables and of the log return them."""

from uuid import UUID

from projections import meeting_log
from projections.meeting_log import MeetingFilters
from tests.projections.conftest import SourceFactory
from tests.projections.story import DAY, HOUR, START, LogBuilder


def test_the_whole_history_of_a_single_use_booking(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
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
        "metadata": {"deal": "42"}, "locale": None,
        "answers": [{"key": "city", "label": "Your city", "kind": "short", "value": "Kyoto"}],
        "meeting_type": {"id": intro, "name": "Introduction"}, "host": {"id": ada, "name": "Ada Host"},
        "co_hosts": [{"id": bob, "name": "Bob Cohost"}], "team": None, "chosen": None,
        "guest": {"name": "Grace Hopper", "email": "grace@guests.example", "time_zone": "Asia/Tokyo"},
        "notes": "see you", "starts_at": third, "ends_at": third + HOUR / 2, "reschedule_count": 2,
        "previous_starts_at": second, "cancelled_at": builder.now, "cancelled_by": "guest", "cancel_reason": "ill",
        "no_show_at": None,
        "issued_by": {"id": bob, "name": "Bob Cohost"}, "issued_at": issued_at, "replaces": None, "source": "web",
        "erased": False, "version": 5,
    }  # fmt: skip
    builder.erase_details(details)
    row = meeting_log.find_meeting(source_factory(), token)
    assert row is not None
    assert (row["erased"], row["cancel_reason"], row["cancelled_by"]) == (True, None, "guest")
    assert row["guest"] is not None


def test_another_host(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
    link = builder.create_link(ada, intro)
    token = builder.book_meeting(link, [ada], intro, builder.now + DAY)
    builder.reassign_meeting(token, [ada], [bob], builder.now + DAY)
    builder.reschedule_meeting(token, builder.now + DAY, builder.now + 2 * DAY)
    [row] = meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=bob, not_cancelled=True)).items
    assert (row["host"]["id"], row["status"], row["version"]) == (bob, "rescheduled", 4)
    assert meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=ada)).items == []
    builder.cancel_meeting(token)
    assert meeting_log.list_meetings(source_factory(), MeetingFilters(host_id=bob, not_cancelled=True)).items == []


def test_a_direct_booking(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID) -> None:
    link = builder.create_link(ada, intro, kind="managed")
    token = builder.book_meeting(link, [ada], intro, builder.now + DAY, kind="managed")
    row = meeting_log.find_meeting(source_factory(), token)
    assert row is not None
    assert (row["status"], row["link_type"], row["single_use_id"]) == ("scheduled", "managed", None)
    assert (row["issued_by"], row["issued_at"], row["recipient"], row["label"]) == (None, None, None, None)
    assert (row["reschedule_count"], row["previous_starts_at"], row["cancelled_at"]) == (0, None, None)
    unused = builder.issue_single_use_link(link, ada)
    assert meeting_log.find_meeting(source_factory(), unused) is None


def test_filters(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
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
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
) -> None:
    token = builder.book_meeting(builder.create_link(ada, intro), [bob], intro, builder.now + DAY)
    rows = meeting_log.list_meetings(source_factory(), MeetingFilters(visible_to=ada)).items
    assert [row["booking_id"] for row in rows] == [token]
