"""What a token owes to whom, what became of it, and when it may be sent again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.availability.hours import Interval
from domain.erasure import PersonalDetailsErased
from domain.notifications.calendar_delivery import CalendarWritten
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent
from domain.notifications.outbox import Notification, compute_sequence
from domain.refusals import NothingToSend
from domain.token import Token
from tests.domain.example import (
    ANNA,
    JULIO,
    START,
    book_token,
    build_booking_fields,
    build_context,
    build_times,
    issue_token,
    list_event_types,
    mark_saved,
)

BOOKED = 2  # the version of MeetingBooked in these streams
LATER = START + timedelta(hours=1)
GUEST = Notification(BOOKED, "mail", "guest")
HOST = Notification(BOOKED, "mail", "host", JULIO)
CALENDAR = Notification(BOOKED, "calendar", "host", JULIO)
SENT: dict[str, Any] = {"attempt": 1, "message_id": "1@example.org", "by": "smtp"}


def build_failure(reason: str, last: bool = False) -> dict[str, Any]:
    """What an event says of a mail that was not handed over."""
    return {"attempt": 1, "message_id": "1@example.org", "reason": reason, "last": last}


def reschedule_token() -> Token:
    """A meeting that was moved an hour later."""
    token = book_token()
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
    return mark_saved(token)


def reassign_token() -> Token:
    """A meeting that was given to Anna."""
    token = book_token()
    token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))
    return mark_saved(token)


def book_with_details() -> tuple[Token, Any]:
    """A booked meeting whose guest left personal details, and the id of these details."""
    token, details_id = issue_token(), uuid4()
    token.book(build_context(person=None), details_id=details_id, details_digest="0" * 64, **build_booking_fields())
    return mark_saved(token), details_id


class TestOwed:
    """Who is told of what."""

    def test_nothing_before_a_booking(self) -> None:
        assert list(issue_token().outbox.list_notifications()) == []

    def test_a_booking_is_told_to_guest_and_host_and_written_to_the_hosts_calendar(self) -> None:
        assert set(book_token().outbox.list_notifications()) == {GUEST, HOST, CALENDAR}

    def test_a_co_host_is_told_as_one(self) -> None:
        token = issue_token()
        token.book(
            build_context(person=None), **{**build_booking_fields(), "host_ids": (JULIO, ANNA), "host_versions": (1, 1)}
        )
        assert Notification(BOOKED, "mail", "co_host", ANNA) in set(token.outbox.list_notifications())

    def test_a_new_host_and_the_former_one_are_told_of_a_reassignment(self) -> None:
        tellings = set(reassign_token().outbox.list_notifications())
        assert {Notification(3, "mail", "host", ANNA), Notification(3, "mail", "former_host", JULIO)} <= tellings

    def test_a_conflict_is_told_by_mail_to_its_host_and_to_the_guest_alone(self) -> None:
        token = issue_token()
        token.book(
            build_context(person=None), **{**build_booking_fields(), "host_ids": (JULIO, ANNA), "host_versions": (1, 1)}
        )
        token.record_conflict(build_context(), ANNA, [Interval(START, LATER)])
        owed = {telling for telling in token.outbox.list_notifications() if telling.cause_version == 3}
        assert owed == {Notification(3, "mail", "guest"), Notification(3, "mail", "co_host", ANNA)}

    def test_a_later_change_replaces_what_was_owed(self) -> None:
        outbox = reschedule_token().outbox
        assert outbox.is_superseded(HOST)
        assert not outbox.is_pending(HOST)
        assert outbox.is_pending(Notification(3, "mail", "host", JULIO))

    def test_an_id_is_the_same_each_time_and_another_for_each_stream_and_recipient(self) -> None:
        one, other = uuid4(), uuid4()
        assert HOST.derive_id(one) == HOST.derive_id(one)
        assert len({HOST.derive_id(one), HOST.derive_id(other), GUEST.derive_id(one), CALENDAR.derive_id(one)}) == 4


class TestTold:
    """What became of it."""

    def test_sent_once(self) -> None:
        token = book_token()
        for _ in range(2):
            token.record_notification(MailSent, build_context(), HOST, **SENT)
        assert list_event_types(token) == [MailSent]
        assert token.outbox.get_delivery_state(HOST).state == "sent"
        assert not token.outbox.is_pending(HOST)

    def test_silent_about_what_was_never_owed(self) -> None:
        token = book_token()
        token.record_notification(MailSent, build_context(), Notification(BOOKED, "mail", "host", ANNA), **SENT)
        assert list_event_types(token) == []

    def test_says_which_event_was_told_to_whom(self) -> None:
        token = book_token()
        token.record_notification(CalendarWritten, build_context(), CALENDAR, attempt=1, done="written")
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
        token.record_notification(MailFailed, build_context(), GUEST, **build_failure(reason, last))
        delivery_state = token.outbox.get_delivery_state(GUEST)
        assert (delivery_state.state, delivery_state.attempts, delivery_state.unknown) == (state, 1, unknown)

    def test_the_first_word_is_the_one_before_which_nothing_was_sent(self) -> None:
        token = reschedule_token()
        moved = Notification(3, "mail", "guest")
        assert token.outbox.is_first(moved)
        token.record_notification(MailSent, build_context(), GUEST, **SENT)
        assert not token.outbox.is_first(moved)
        assert token.outbox.is_first(Notification(3, "mail", "host", JULIO))

    def test_an_event_that_is_no_cause_is_not_told(self) -> None:
        with pytest.raises(KeyError):
            book_token().outbox.get_cause_event(Notification(1, "mail", "guest"))


class TestAgain:
    """Sending it once more, because somebody asked."""

    def test_what_was_sent_or_failed_is_owed_again(self) -> None:
        token = book_token()
        token.record_notification(MailSent, build_context(), HOST, **SENT)
        token.record_notification(MailFailed, build_context(), GUEST, **build_failure("address_refused", last=True))
        for telling in (HOST, GUEST):
            token.request_notification(MailRequested, build_context(), telling)
            assert token.outbox.get_delivery_state(telling).requests == 1
            assert token.outbox.is_pending(telling)
        assert list_event_types(token) == [MailSent, MailFailed, MailRequested, MailRequested]

    def test_silent_while_it_is_owed(self) -> None:
        token = book_token()
        token.request_notification(MailRequested, build_context(), HOST)
        assert list_event_types(token) == []

    @pytest.mark.parametrize("telling", [HOST, Notification(9, "mail", "guest")], ids=["superseded", "never owed"])
    def test_refused_when_it_makes_no_sense(self, telling: Notification) -> None:
        with pytest.raises(NothingToSend):
            reschedule_token().request_notification(MailRequested, build_context(), telling)

    def test_refused_when_the_meeting_is_over(self) -> None:
        with pytest.raises(NothingToSend):
            book_token().request_notification(MailRequested, build_context(START + timedelta(minutes=30)), HOST)


class TestErased:
    """After the guest's details were erased."""

    def test_the_guest_is_told_nothing_and_the_host_still_is(self) -> None:
        token, details_id = book_with_details()
        token.erase(build_context(), erasure_id=uuid4(), details_ids=(details_id,))
        assert list_event_types(token) == [PersonalDetailsErased]
        assert token.outbox.is_erased(GUEST)
        assert not token.outbox.is_pending(GUEST)
        assert token.outbox.is_pending(HOST)

    def test_no_reason_is_kept_about_who_was_erased(self) -> None:
        token, details_id = book_with_details()
        assert token.filter_reason("ill") == "ill"
        token.erase(build_context(), erasure_id=uuid4(), details_ids=(details_id,))
        assert token.filter_reason("ill") is None


def test_the_sequence_of_a_calendars_entry_counts_changes_and_nothing_else() -> None:
    token = book_token()
    token.record_notification(MailSent, build_context(), HOST, **SENT)
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
    token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))
    token.cancel(build_context(), cancelled_by="host")
    assert compute_sequence(iter(token.collect_events())) == 3
