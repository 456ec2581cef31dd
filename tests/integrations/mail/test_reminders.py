"""Reminders, the follow-up and the mail about a no-show: of the meeting as it stands, once, and never too late."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from integrations.system_context import build_system_context
from projections import outbox_backlog
from tests.api_driver import GUEST
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import get_part

ROOM = "https://rooms.example/julio"
THANKS = "Thank you!\nThe slides are on our page."
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER_SLOT = 110  # more than two days from now


def find_start(outbox: OutboxDriver, id: str) -> datetime:
    """The start of a meeting as it stands."""
    return datetime.fromisoformat(outbox.api.get(f"/v1/bookings/{id}", "manager")["starts_at"])


def deliver_at(outbox: OutboxDriver, instant: datetime) -> list[Any]:
    """Deliver everything that is due just after an instant. Return the new messages."""
    count = len(outbox.smtp_server.messages)
    with outbox.clock.stop_at(instant + timedelta(seconds=1)):
        outbox.deliver_all()
    return outbox.smtp_server.messages[count:]


def list_readers(messages: list[Any]) -> list[str]:
    """The addresses that messages went to, sorted."""
    return sorted(str(message["To"].addresses[0].addr_spec) for message in messages)


def change_type(outbox: OutboxDriver, **changes: Any) -> None:
    """Change the meeting type of all links."""
    outbox.api.patch(f"/v1/meeting-types/{outbox.api.ids['type']}", changes, "admin")


class TestReminders:
    """A day and an hour before, unless the meeting type says otherwise."""

    def test_of_a_meeting_that_is_moved_and_cancelled(self, outbox: OutboxDriver) -> None:
        change_type(outbox, location=ROOM)
        id, code = outbox.book_meeting(LATER_SLOT)
        outbox.deliver_all()
        start = find_start(outbox, id)
        assert deliver_at(outbox, start - DAY - 2 * timedelta(seconds=1)) == []
        messages = deliver_at(outbox, start - DAY)
        assert list_readers(messages) == [GUEST["email"], "member@nexora.example"]
        assert deliver_at(outbox, start - DAY) == []
        to_guest = next(message for message in messages if GUEST["email"] in str(message["To"]))
        text = get_part(to_guest, "text/plain").replace("\r\n", "\n")
        assert str(to_guest["Subject"]).startswith("Reminder: Intro with Member, ")
        assert "(Central European" in text
        assert f"Join the meeting:\n{ROOM}" in text
        assert f"I can’t make it:\n{outbox.api.services.build_manage_url(UUID(id))}/cancel" in text
        assert "/meeting-log/" in get_part(next(m for m in messages if m is not to_guest), "text/plain")
        assert {part.get_content_type() for part in to_guest.walk()} == {
            *("multipart/alternative", "text/plain", "text/html")
        }
        outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": outbox.list_slots_to_move(code)[140]["start"]})
        outbox.deliver_all()
        moved = find_start(outbox, id)
        assert deliver_at(outbox, start - HOUR) == []
        assert list_readers(deliver_at(outbox, moved - HOUR)) == [GUEST["email"], "member@nexora.example"]
        outbox.api.post(f"/v1/bookings/{id}/cancel", {}, "member")
        outbox.deliver_all()
        assert deliver_at(outbox, moved - HOUR / 2) == []
        assert {mail["state"] for mail in outbox.list_scheduled_mails(id)} == {"sent", "superseded"}
        assert [row["sentence"] for row in outbox.api.get(f"/v1/history/streams/{id}", "auditor")["items"]].count(
            "The system mailed the guest Grace Guest that the meeting is coming up."
        ) == 2

    def test_a_new_host_is_reminded_and_an_erased_guest_is_not(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(LATER_SLOT)
        outbox.api.post(f"/v1/bookings/{id}/reassign", {"host_id": outbox.api.ids["engineer"]}, "manager")
        outbox.api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        outbox.deliver_all()
        messages = deliver_at(outbox, find_start(outbox, id) - HOUR)
        assert list_readers(messages) == ["engineer@nexora.example"]

    def test_never_after_the_start_and_the_last_one_alone(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(LATER_SLOT)
        outbox.deliver_all()
        start = find_start(outbox, id)
        outbox.smtp_server.refuse_data = "451 Later"
        assert deliver_at(outbox, start - DAY) == []
        assert deliver_at(outbox, start - HOUR) == []
        outbox.smtp_server.refuse_data = None
        assert len(deliver_at(outbox, start - HOUR / 2)) == 2  # the reminders of the day before are of no use now
        other_id, _ = outbox.book_meeting(LATER_SLOT + 3)
        outbox.deliver_all()
        assert deliver_at(outbox, find_start(outbox, other_id)) == []

    def test_taken_off_the_meeting_type_is_not_sent(self, outbox: OutboxDriver) -> None:
        link = outbox.api.create_link("Later", slug="later")
        [unused] = outbox.api.create_codes(link)
        id, _ = outbox.book_meeting(LATER_SLOT)
        change_type(outbox, reminders_minutes=[1_440, 30])
        outbox.deliver_all()
        start = find_start(outbox, id)
        assert len(deliver_at(outbox, start - DAY)) == 2
        assert deliver_at(outbox, start - HOUR) == []  # it is not wanted any more
        assert deliver_at(outbox, start - HOUR / 2) == []  # and this one was not booked
        failures = {mail["failure"] for mail in outbox.list_scheduled_mails(id) if mail["state"] == "failed"}
        assert failures == {"no_longer_wanted"}
        source, now = outbox.api.services.live_source, outbox.api.services.clock()
        assert outbox_backlog.count_unsent_mails(source, now, 9) == 0
        booking = outbox.api.book_meeting(unused, outbox.api.list_slots(unused)[LATER_SLOT])
        new = outbox.list_scheduled_mails(booking["booking"]["id"])
        assert {(mail["offset_minutes"], mail["state"]) for mail in new} == {(-1_440, "scheduled"), (-30, "scheduled")}
        backlogs = outbox_backlog.count_backlogs(source, now)
        assert sum(backlog.owed for backlog in backlogs if backlog.channel == "mail") <= 2

    def test_its_time_ends_the_workers_wait(self, outbox: OutboxDriver) -> None:
        assert outbox.worker.compute_wait() == outbox.worker.timing.idle
        id, _ = outbox.book_meeting(LATER_SLOT)
        outbox.deliver_all()
        with outbox.clock.stop_at(find_start(outbox, id) - HOUR - timedelta(milliseconds=250)):
            outbox.deliver_all()
            assert outbox.worker.compute_wait() == pytest.approx(0.25)


class TestAfterwards:
    """The follow-up, and a guest who did not come."""

    def test_a_guest_of_a_single_use_link_gets_another_one(self, outbox: OutboxDriver) -> None:
        [code] = outbox.api.create_codes(outbox.api.create_link("Once", slug="once"))
        booking = outbox.api.book_meeting(code, outbox.api.list_slots(code)[LATER_SLOT])["booking"]
        outbox.deliver_all()
        start = find_start(outbox, booking["id"])
        context, id = build_system_context(start), UUID(booking["id"])
        no_shows = outbox.api.services.no_shows
        assert no_shows.mark_no_show(context, id, tell_guest=True)
        assert no_shows.mark_no_show(context, id, tell_guest=True) is None
        [message] = [message for message in deliver_at(outbox, start) if "missed" in str(message["Subject"])]
        replacement_id = outbox.api.get(f"/v1/bookings/{id}", "manager")["replacement_id"]
        replacement = outbox.api.get(f"/v1/single-use/{replacement_id}", "member")
        assert outbox.api.services.build_single_use_url(UUID(replacement_id)) in get_part(message, "text/plain")
        no_shows.undo_no_show(context, id)
        assert outbox.api.get(f"/v1/single-use/{replacement_id}", "member")["status"] == "revoked"
        assert replacement["status"] == "active"

    def test_the_follow_up_and_no_shows(self, outbox: OutboxDriver) -> None:
        change_type(outbox, reminders_minutes=[], follow_up={"after_minutes": 60, "message": THANKS})
        bookings = [outbox.book_meeting(LATER_SLOT + number)[0] for number in (6, 4, 5, 0)]
        came, missed, unmarked, cancelled = bookings
        outbox.api.post(f"/v1/bookings/{cancelled}/cancel", {}, "member")
        outbox.deliver_all()
        end = find_start(outbox, came) + HOUR / 2
        services = outbox.api.services
        context = build_system_context(end)
        services.no_shows.mark_no_show(context, UUID(missed), tell_guest=True)
        services.no_shows.mark_no_show(context, UUID(unmarked), tell_guest=True)
        services.no_shows.undo_no_show(context, UUID(unmarked))
        messages = deliver_at(outbox, end)
        assert [str(message["Subject"]).partition(":")[0] for message in messages] == ["We missed you"]
        slug = outbox.api.get(f"/v1/bookings/{missed}", "manager")["link"]["id"]
        [link] = [link for link in outbox.api.get("/v1/links", "member")["items"] if link["id"] == slug]
        assert f"/book/{link['slug']}" in get_part(messages[0], "text/plain")
        messages = deliver_at(outbox, end + 3 * HOUR)
        assert [str(message["Subject"]).partition(":")[0] for message in messages] == ["Following up"] * 2
        assert THANKS in get_part(messages[0], "text/plain").replace("\r\n", "\n")
        assert {mail["state"] for mail in outbox.list_scheduled_mails(missed)} == {"superseded"}
        assert [mail["state"] for mail in outbox.list_scheduled_mails(came)] == ["sent"]
        statuses = [outbox.api.get(f"/v1/bookings/{id}", "manager")["status"] for id in bookings]
        assert statuses == ["scheduled", "no_show", "scheduled", "cancelled"]
