"""What a token owes to whom, what became of it, and when it may be sent again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.availability.hours import Interval
from domain.erasure import PersonalDetailsErased
from domain.notifications.calendar_delivery import CalendarWritten
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent
from domain.notifications.outbox import Telling, sequence
from domain.refusals import NothingToSend
from domain.token import Token
from tests.domain.example import ANNA, JULIO, START, at, booked, booking, happened, issued, saved, times

BOOKED = 2  # the version of MeetingBooked in these streams
LATER = START + timedelta(hours=1)
GUEST = Telling(BOOKED, "mail", "guest")
HOST = Telling(BOOKED, "mail", "host", JULIO)
CALENDAR = Telling(BOOKED, "calendar", "host", JULIO)
SENT: dict[str, Any] = {"attempt": 1, "message_id": "1@example.org", "by": "smtp"}


def failure(reason: str, last: bool = False) -> dict[str, Any]:
    """What an event says of a mail that was not handed over."""
    return {"attempt": 1, "message_id": "1@example.org", "reason": reason, "last": last}


def rescheduled() -> Token:
    """A meeting that was moved an hour later."""
    token = booked()
    token.reschedule(at(), meeting_type_version=1, **times(LATER))
    return saved(token)


def reassigned() -> Token:
    """A meeting that was given to Anna."""
    token = booked()
    token.reassign(at(), host_ids=(ANNA,), host_versions=(1,))
    return saved(token)


def booked_with_details() -> tuple[Token, Any]:
    """A booked meeting whose guest left personal details, and the id of these details."""
    token, details_id = issued(), uuid4()
    token.book(at(person=None), details_id=details_id, details_digest="0" * 64, **booking())
    return saved(token), details_id


class TestOwed:
    """Who is told of what."""

    def test_nothing_before_a_booking(self) -> None:
        assert list(issued().outbox.tellings()) == []

    def test_a_booking_is_told_to_guest_and_host_and_written_to_the_hosts_calendar(self) -> None:
        assert set(booked().outbox.tellings()) == {GUEST, HOST, CALENDAR}

    def test_a_co_host_is_told_as_one(self) -> None:
        token = issued()
        token.book(at(person=None), **{**booking(), "host_ids": (JULIO, ANNA), "host_versions": (1, 1)})
        assert Telling(BOOKED, "mail", "co_host", ANNA) in set(token.outbox.tellings())

    def test_a_new_host_and_the_former_one_are_told_of_a_reassignment(self) -> None:
        tellings = set(reassigned().outbox.tellings())
        assert {Telling(3, "mail", "host", ANNA), Telling(3, "mail", "former_host", JULIO)} <= tellings

    def test_a_conflict_is_told_by_mail_to_its_host_and_to_the_guest_alone(self) -> None:
        token = issued()
        token.book(at(person=None), **{**booking(), "host_ids": (JULIO, ANNA), "host_versions": (1, 1)})
        token.find_conflict(at(), ANNA, [Interval(START, LATER)])
        owed = {telling for telling in token.outbox.tellings() if telling.cause_version == 3}
        assert owed == {Telling(3, "mail", "guest"), Telling(3, "mail", "co_host", ANNA)}

    def test_a_later_change_replaces_what_was_owed(self) -> None:
        outbox = rescheduled().outbox
        assert outbox.is_superseded(HOST)
        assert not outbox.is_open(HOST)
        assert outbox.is_open(Telling(3, "mail", "host", JULIO))

    def test_an_id_is_the_same_each_time_and_another_for_each_stream_and_recipient(self) -> None:
        one, other = uuid4(), uuid4()
        assert HOST.id(one) == HOST.id(one)
        assert len({HOST.id(one), HOST.id(other), GUEST.id(one), CALENDAR.id(one)}) == 4


class TestTold:
    """What became of it."""

    def test_sent_once(self) -> None:
        token = booked()
        for _ in range(2):
            token.tell(MailSent, at(), HOST, **SENT)
        assert happened(token) == [MailSent]
        assert token.outbox.standing(HOST).state == "sent"
        assert not token.outbox.is_open(HOST)

    def test_silent_about_what_was_never_owed(self) -> None:
        token = booked()
        token.tell(MailSent, at(), Telling(BOOKED, "mail", "host", ANNA), **SENT)
        assert happened(token) == []

    def test_says_which_event_was_told_to_whom(self) -> None:
        token = booked()
        token.tell(CalendarWritten, at(), CALENDAR, attempt=1, done="written")
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
        token = booked()
        token.tell(MailFailed, at(), GUEST, **failure(reason, last))
        standing = token.outbox.standing(GUEST)
        assert (standing.state, standing.attempts, standing.unknown) == (state, 1, unknown)

    def test_the_first_word_is_the_one_before_which_nothing_was_sent(self) -> None:
        token = rescheduled()
        moved = Telling(3, "mail", "guest")
        assert token.outbox.is_first(moved)
        token.tell(MailSent, at(), GUEST, **SENT)
        assert not token.outbox.is_first(moved)
        assert token.outbox.is_first(Telling(3, "mail", "host", JULIO))

    def test_an_event_that_is_no_cause_is_not_told(self) -> None:
        with pytest.raises(KeyError):
            booked().outbox.cause(Telling(1, "mail", "guest"))


class TestAgain:
    """Sending it once more, because somebody asked."""

    def test_what_was_sent_or_failed_is_owed_again(self) -> None:
        token = booked()
        token.tell(MailSent, at(), HOST, **SENT)
        token.tell(MailFailed, at(), GUEST, **failure("address_refused", last=True))
        for telling in (HOST, GUEST):
            token.ask_again(MailRequested, at(), telling)
            assert token.outbox.standing(telling).requests == 1
            assert token.outbox.is_open(telling)
        assert happened(token) == [MailSent, MailFailed, MailRequested, MailRequested]

    def test_silent_while_it_is_owed(self) -> None:
        token = booked()
        token.ask_again(MailRequested, at(), HOST)
        assert happened(token) == []

    @pytest.mark.parametrize("telling", [HOST, Telling(9, "mail", "guest")], ids=["superseded", "never owed"])
    def test_refused_when_it_makes_no_sense(self, telling: Telling) -> None:
        with pytest.raises(NothingToSend):
            rescheduled().ask_again(MailRequested, at(), telling)

    def test_refused_when_the_meeting_is_over(self) -> None:
        with pytest.raises(NothingToSend):
            booked().ask_again(MailRequested, at(START + timedelta(minutes=30)), HOST)


class TestErased:
    """After the guest's details were erased."""

    def test_the_guest_is_told_nothing_and_the_host_still_is(self) -> None:
        token, details_id = booked_with_details()
        token.erase(at(), erasure_id=uuid4(), details_ids=(details_id,))
        assert happened(token) == [PersonalDetailsErased]
        assert token.outbox.is_erased(GUEST)
        assert not token.outbox.is_open(GUEST)
        assert token.outbox.is_open(HOST)

    def test_no_reason_is_kept_about_who_was_erased(self) -> None:
        token, details_id = booked_with_details()
        assert token.reason_kept("ill") == "ill"
        token.erase(at(), erasure_id=uuid4(), details_ids=(details_id,))
        assert token.reason_kept("ill") is None


def test_the_sequence_of_a_calendars_entry_counts_changes_and_nothing_else() -> None:
    token = booked()
    token.tell(MailSent, at(), HOST, **SENT)
    token.reschedule(at(), meeting_type_version=1, **times(LATER))
    token.reassign(at(), host_ids=(ANNA,), host_versions=(1,))
    token.cancel(at(), cancelled_by="host")
    assert sequence(iter(token.collect_events())) == 3
