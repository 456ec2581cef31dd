"""The outbox of a token: who is notified of what, what replaces what, each delivery, and when to send again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.availability.hours import Interval
from domain.erasure import PersonalDetailsErased
from domain.notifications.calendar_delivery import CalendarWritten
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent
from domain.notifications.outbox import Notification, compute_sequence
from domain.notifications.schedule import schedule_reminders
from domain.refusals import NothingToSend
from domain.token import Token
from tests.domain.example import (
    ANNA,
    DETAILS,
    JULIO,
    LATER,
    START,
    book_token,
    book_with_co_host,
    build_context,
    cancel_meeting,
    issue_token,
    list_event_types,
    reschedule_meeting,
)

BELA = UUID(int=9)
BOOKED, CHANGED = 2, 3  # versions of the events: the token was issued by the first
GUEST, HOST, CO_HOST = ("guest", None), ("host", JULIO), ("co_host", ANNA)
GUEST_MAIL = Notification(BOOKED, "mail", "guest")
HOST_MAIL = Notification(BOOKED, "mail", "host", JULIO)
HOST_CALENDAR = Notification(BOOKED, "calendar", "host", JULIO)
SENT: dict[str, Any] = {"attempt": 1, "message_id": "1@example.org", "by": "smtp"}


def build_failure(reason: str, last: bool = False) -> dict[str, Any]:
    """Build the fields of an event about a mail that was not sent."""
    return {"attempt": 1, "message_id": "1@example.org", "reason": reason, "last": last}


def reassign_meeting(token: Token) -> None:
    """Give the meeting to Bela; Anna stays."""
    token.reassign(build_context(), (BELA, ANNA), (1, 1))


def find_conflict(token: Token) -> None:
    """Find that Anna's own calendar has something else."""
    token.record_conflict(build_context(), ANNA, [Interval(START, LATER)])


def send_guest_mail(token: Token) -> None:
    """Send the mail about the booking to the guest."""
    token.record_notification(MailSent, build_context(), GUEST_MAIL, **SENT)


def list_recipients(token: Token, version: int, channel: str) -> list[tuple[str, UUID | None]]:
    """List the recipients of one event over a channel."""
    notifications = token.outbox.list_notifications()
    return [
        (one.to, one.person_id)
        for one in notifications
        if (one.cause_version, one.channel, one.offset_minutes) == (version, channel, None)
    ]


class TestRecipients:
    """Who is notified of what."""

    def test_nobody_before_a_booking(self) -> None:
        assert list(issue_token().outbox.list_notifications()) == []

    def test_guest_and_host_of_a_booking_and_the_hosts_calendar(self) -> None:
        notifications = book_token().outbox.list_notifications()
        assert {one for one in notifications if one.offset_minutes is None} == {GUEST_MAIL, HOST_MAIL, HOST_CALENDAR}

    @pytest.mark.parametrize(
        ("change", "mails", "calendars"),
        [
            (reschedule_meeting, [GUEST, HOST, CO_HOST], [HOST, CO_HOST]),
            (cancel_meeting, [GUEST, HOST, CO_HOST], [HOST, CO_HOST]),
            (
                reassign_meeting,
                [GUEST, ("host", BELA), CO_HOST, ("former_host", JULIO)],
                [("host", BELA), CO_HOST, ("former_host", JULIO)],
            ),
            (find_conflict, [GUEST, CO_HOST], []),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_everybody_whom_it_concerns(
        self,
        change: Callable[[Token], None],
        mails: list[tuple[str, UUID | None]],
        calendars: list[tuple[str, UUID | None]],
    ) -> None:
        token = book_with_co_host()
        change(token)
        assert list_recipients(token, BOOKED, "mail") == [GUEST, HOST, CO_HOST]
        assert list_recipients(token, BOOKED, "calendar") == [HOST, CO_HOST]
        assert list_recipients(token, CHANGED, "mail") == mails
        assert list_recipients(token, CHANGED, "calendar") == calendars

    @pytest.mark.parametrize(
        ("change", "superseded"),
        [
            (reschedule_meeting, [GUEST, HOST, CO_HOST]),
            (cancel_meeting, [GUEST, HOST, CO_HOST]),
            (reassign_meeting, [GUEST, HOST, CO_HOST]),
            (find_conflict, []),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_a_later_notification_replaces_an_earlier_one(
        self, change: Callable[[Token], None], superseded: list[tuple[str, UUID | None]]
    ) -> None:
        token = book_with_co_host()
        change(token)
        for to, person_id in (GUEST, HOST, CO_HOST):
            notification = Notification(BOOKED, "mail", to, person_id)  # type: ignore[arg-type]
            assert token.outbox.is_superseded(notification) == ((to, person_id) in superseded)
            assert token.outbox.is_pending(notification) == ((to, person_id) not in superseded)
        later = [one for one in token.outbox.list_notifications() if one.cause_version == CHANGED]
        assert all(map(token.outbox.is_pending, later))

    def test_an_unknown_notification_is_not_sendable(self) -> None:
        outbox = book_with_co_host().outbox
        assert not outbox.is_sendable(Notification(BOOKED, "mail", "host", BELA))
        assert not outbox.is_sendable(Notification(BOOKED, "calendar", "guest"))

    def test_an_id_is_of_one_notification_of_one_token(self) -> None:
        token, other_id = book_with_co_host(), uuid4()
        reassign_meeting(token)
        notifications = list(token.outbox.list_notifications())
        ids = {notification.derive_id(token.id) for notification in notifications}
        assert ids == {notification.derive_id(token.id) for notification in notifications}
        assert len(ids) == len(notifications)
        assert ids.isdisjoint(notification.derive_id(other_id) for notification in notifications)


class TestDelivery:
    """What became of a notification."""

    def test_is_recorded_as_sent_once(self) -> None:
        token = book_token()
        for _ in range(2):
            token.record_notification(MailSent, build_context(), HOST_MAIL, **SENT)
        assert list_event_types(token) == [MailSent]
        assert token.outbox.get_delivery_state(HOST_MAIL).state == "sent"
        assert not token.outbox.is_pending(HOST_MAIL)

    def test_is_not_recorded_for_an_unknown_notification(self) -> None:
        token = book_token()
        token.record_notification(MailSent, build_context(), Notification(BOOKED, "mail", "host", ANNA), **SENT)
        assert list_event_types(token) == []

    def test_names_the_event_and_the_recipient(self) -> None:
        token = book_token()
        token.record_notification(CalendarWritten, build_context(), HOST_CALENDAR, attempt=1, done="written")
        [event] = token.collect_events()
        assert isinstance(event, CalendarWritten)
        assert (event.cause_version, event.what, event.to, event.person_id) == (BOOKED, "booked", "host", JULIO)

    @pytest.mark.parametrize(
        ("reason", "last", "state", "unknown"),
        [
            ("server_unreachable", False, "owed", 0),
            ("unknown_outcome", False, "owed", 1),
            ("address_refused", True, "failed", 0),
        ],
    )
    def test_a_failure_leaves_it_owed_until_the_last(self, reason: str, last: bool, state: str, unknown: int) -> None:
        token = book_token()
        token.record_notification(MailFailed, build_context(), GUEST_MAIL, **build_failure(reason, last))
        delivery_state = token.outbox.get_delivery_state(GUEST_MAIL)
        assert (delivery_state.state, delivery_state.attempts, delivery_state.unknown) == (state, 1, unknown)

    @pytest.mark.parametrize(
        ("steps", "first_to_guest"),
        [
            ([reschedule_meeting], True),
            ([reschedule_meeting, send_guest_mail], False),
            ([send_guest_mail, reschedule_meeting], False),
        ],
        ids=["nothing sent", "sent late", "sent before"],
    )
    def test_the_first_is_before_any_other_to_the_same_recipient(
        self, steps: list[Callable[[Token], None]], first_to_guest: bool
    ) -> None:
        token = book_with_co_host()
        for step in steps:
            step(token)
        rescheduled = token.outbox.cause_events[-1].originator_version
        assert token.outbox.is_first(GUEST_MAIL)
        assert token.outbox.is_first(Notification(rescheduled, "mail", "guest")) == first_to_guest
        assert token.outbox.is_first(Notification(rescheduled, "mail", "host", JULIO))
        assert token.outbox.is_first(Notification(rescheduled, "calendar", "host", JULIO))

    def test_an_event_that_notifies_nobody_is_no_cause(self) -> None:
        with pytest.raises(KeyError):
            book_token().outbox.get_cause_event(Notification(1, "mail", "guest"))


class TestRequest:
    """Sending a notification once more, because somebody asked."""

    def test_a_sent_or_failed_one_is_owed_again(self) -> None:
        token = book_token()
        token.record_notification(MailSent, build_context(), HOST_MAIL, **SENT)
        token.record_notification(
            MailFailed, build_context(), GUEST_MAIL, **build_failure("address_refused", last=True)
        )
        for mail in (HOST_MAIL, GUEST_MAIL):
            token.request_notification(MailRequested, build_context(), mail)
            assert token.outbox.get_delivery_state(mail).requests == 1
            assert token.outbox.is_pending(mail)
        assert list_event_types(token) == [MailSent, MailFailed, MailRequested, MailRequested]

    def test_records_nothing_while_it_is_owed(self) -> None:
        token = book_token()
        token.request_notification(MailRequested, build_context(), HOST_MAIL)
        assert list_event_types(token) == []

    @pytest.mark.parametrize("mail", [HOST_MAIL, Notification(9, "mail", "guest")], ids=["superseded", "unknown"])
    def test_refused_when_it_makes_no_sense(self, mail: Notification) -> None:
        token = book_token()
        reschedule_meeting(token)
        with pytest.raises(NothingToSend):
            token.request_notification(MailRequested, build_context(), mail)

    def test_refused_when_the_meeting_is_over(self) -> None:
        with pytest.raises(NothingToSend):
            book_token().request_notification(MailRequested, build_context(START + timedelta(minutes=30)), HOST_MAIL)


class TestErasure:
    """After the guest's details were erased."""

    def test_the_guest_is_notified_no_more_and_the_host_still_is(self) -> None:
        token = book_with_co_host()
        token.erase(build_context(), erasure_id=uuid4(), details_ids=(DETAILS,))
        assert list_event_types(token) == [PersonalDetailsErased]
        for mail, erased in ((GUEST_MAIL, True), (HOST_MAIL, False)):
            assert token.outbox.is_erased(mail) == erased
            assert token.outbox.is_sendable(mail) == (not erased)
            assert token.outbox.is_pending(mail) == (not erased)

    def test_no_reason_is_kept_about_who_was_erased(self) -> None:
        token = book_with_co_host()
        assert token.filter_text("ill") == "ill"
        token.erase(build_context(), erasure_id=uuid4(), details_ids=(DETAILS,))
        assert token.filter_text("ill") is None


@pytest.mark.parametrize(
    ("steps", "sequence"),
    [
        ([], 0),
        ([reschedule_meeting], 1),
        ([find_conflict, send_guest_mail, reschedule_meeting, reassign_meeting, cancel_meeting], 3),
    ],
)
def test_the_sequence_counts_the_changes(steps: list[Callable[[Token], None]], sequence: int) -> None:
    token = book_with_co_host()
    for step in steps:
        step(token)
    assert compute_sequence(iter(token.outbox.cause_events)) == sequence
    events = token.collect_events()
    assert len(events) == len(steps)
    assert compute_sequence(iter(events)) == sequence


class TestScheduledMails:
    """Reminders and the follow-up: which there are, when they are due, and how long they are of use."""

    def test_of_a_meeting_that_is_booked_late(self) -> None:
        token = book_token()  # exactly a day before: the reminder of the day before would be due now
        reminders = [one for one in token.outbox.list_notifications() if one.is_reminder]
        assert {(one.to, one.offset_minutes) for one in reminders} == {("guest", -60), ("host", -60)}
        for reminder in reminders:
            mail = token.outbox.find_scheduled_mail(reminder)
            assert mail == (-60, START - timedelta(hours=1), START)
            assert not token.outbox.is_due(reminder, START - timedelta(hours=1, seconds=1))
            assert token.outbox.is_due(reminder, START - timedelta(hours=1))
            assert not token.outbox.is_due(reminder, START)  # a late worker skips it

    def test_each_is_of_use_until_the_next_one(self) -> None:
        mails = list(schedule_reminders((10, 2_880, 60), START, START - timedelta(days=9)))
        assert [mail.offset_minutes for mail in mails] == [-2_880, -60, -10]
        assert [mail.useful_until for mail in mails] == [mails[1].due_at, mails[2].due_at, START]
        assert list(schedule_reminders((), START, START)) == []

    def test_after_a_change_there_are_new_ones(self) -> None:
        token = book_with_co_host()
        first = Notification(BOOKED, "mail", "guest", None, -60)
        assert token.outbox.is_pending(first)
        reschedule_meeting(token)
        moved = first._replace(cause_version=CHANGED)
        assert not token.outbox.is_pending(first)
        assert token.outbox.is_pending(moved)
        cancel_meeting(token)
        assert not token.outbox.is_pending(moved)

    def test_a_reminder_is_not_the_first_mail(self) -> None:
        token = book_token()
        reminder = Notification(BOOKED, "mail", "guest", None, -60)
        token.record_notification(MailSent, build_context(), reminder, **SENT)
        assert [event.find_stored_name() for event in token.collect_events()] == ["MailSent.v2"]
        reschedule_meeting(token)
        assert token.outbox.is_first(Notification(CHANGED, "mail", "guest"))
        assert compute_sequence(iter(token.outbox.cause_events)) == 1
