"""A token: what it allows, what it refuses, and where it stays silent."""

from datetime import timedelta

import pytest

from domain import refusals
from domain.token_events import MeetingBooked, MeetingCancelled, MeetingReassigned, Rescheduled, SingleUseRevoked
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
)

LATER = START + timedelta(hours=1)


class TestBook:
    """Becoming the meeting."""

    def test_allowed_when_unused(self) -> None:
        token = issue_token()
        token.book(build_context(person=None), **build_booking_fields())
        assert list_event_types(token) == [MeetingBooked]

    def test_refused_when_booked(self) -> None:
        with pytest.raises(refusals.LinkUsed):
            book_token().book(build_context(person=None), **build_booking_fields(LATER))

    def test_refused_when_revoked(self) -> None:
        token = issue_token()
        token.revoke(build_context())
        with pytest.raises(refusals.LinkRevoked):
            token.book(build_context(person=None), **build_booking_fields())

    def test_refused_after_cancelling(self) -> None:
        token = book_token()
        token.cancel(build_context(), cancelled_by="guest")
        with pytest.raises(refusals.LinkUsed):
            token.book(build_context(person=None), **build_booking_fields(LATER))


class TestReschedule:
    """Moving the meeting."""

    def test_allowed_again_and_again(self) -> None:
        token = book_token()
        token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
        token.reschedule(build_context(), meeting_type_version=1, **build_times(START))
        assert list_event_types(token) == [Rescheduled, Rescheduled]

    def test_says_where_it_was(self) -> None:
        token = book_token()
        token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
        [event] = token.collect_events()
        assert isinstance(event, Rescheduled)
        assert event.previous_starts_at == START

    def test_silent_when_it_is_there(self) -> None:
        token = book_token()
        token.reschedule(build_context(), meeting_type_version=1, **build_times(START))
        assert list_event_types(token) == []

    @pytest.mark.parametrize("delay", [timedelta(0), timedelta(minutes=1)])
    def test_refused_when_started(self, delay: timedelta) -> None:
        with pytest.raises(refusals.MeetingStarted):
            book_token().reschedule(build_context(START + delay), meeting_type_version=1, **build_times(LATER))

    def test_refused_when_cancelled(self) -> None:
        token = book_token()
        token.cancel(build_context(), cancelled_by="host")
        with pytest.raises(refusals.BookingCancelled):
            token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))

    def test_refused_when_never_booked(self) -> None:
        with pytest.raises(refusals.NotFound):
            issue_token().reschedule(build_context(), meeting_type_version=1, **build_times(LATER))


class TestReassign:
    """Giving the meeting to another host."""

    def test_allowed_with_the_times_as_they_stand(self) -> None:
        token = book_token()
        token.reschedule(build_context(), meeting_type_version=2, **build_times(LATER))
        token.collect_events()
        token.reassign(build_context(), host_ids=(ANNA,), host_versions=(3,))
        [event] = token.collect_events()
        assert isinstance(event, MeetingReassigned)
        assert (event.previous_host_ids, event.host_ids, event.host_versions) == ((JULIO,), (ANNA,), (3,))
        assert event.meeting_type_version == 2
        assert {name: getattr(event, name) for name in build_times(LATER)} == build_times(LATER)
        assert token.host_ids == (ANNA,)

    def test_silent_when_it_is_theirs(self) -> None:
        token = book_token()
        token.reassign(build_context(), host_ids=(JULIO,), host_versions=(1,))
        assert list_event_types(token) == []

    def test_may_be_moved_and_given_away_again(self) -> None:
        token = book_token()
        token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))
        token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
        token.reassign(build_context(), host_ids=(JULIO,), host_versions=(1,))
        assert list_event_types(token) == [MeetingReassigned, Rescheduled, MeetingReassigned]
        assert token.host_ids == (JULIO,)

    @pytest.mark.parametrize("delay", [timedelta(0), timedelta(minutes=1)])
    def test_refused_when_started(self, delay: timedelta) -> None:
        with pytest.raises(refusals.MeetingStarted):
            book_token().reassign(build_context(START + delay), host_ids=(ANNA,), host_versions=(1,))

    def test_refused_when_cancelled(self) -> None:
        token = book_token()
        token.cancel(build_context(), cancelled_by="host")
        with pytest.raises(refusals.BookingCancelled):
            token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))

    def test_refused_when_never_booked(self) -> None:
        with pytest.raises(refusals.NotFound):
            issue_token().reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))


class TestCancel:
    """Cancelling for good."""

    def test_allowed_until_it_starts(self) -> None:
        token = book_token()
        token.cancel(build_context(START - timedelta(seconds=1)), cancelled_by="guest")
        assert list_event_types(token) == [MeetingCancelled]

    def test_refused_when_started(self) -> None:
        with pytest.raises(refusals.MeetingStarted):
            book_token().cancel(build_context(START), cancelled_by="guest")

    def test_refused_twice(self) -> None:
        token = book_token()
        token.cancel(build_context(), cancelled_by="guest")
        with pytest.raises(refusals.BookingCancelled):
            token.cancel(build_context(), cancelled_by="guest")


class TestRevoke:
    """Withdrawing an unused link."""

    def test_allowed_when_unused(self) -> None:
        token = issue_token()
        token.revoke(build_context())
        assert list_event_types(token) == [SingleUseRevoked]

    def test_silent_twice(self) -> None:
        token = issue_token()
        token.revoke(build_context())
        token.revoke(build_context())
        assert list_event_types(token) == [SingleUseRevoked]

    def test_refused_when_booked(self) -> None:
        with pytest.raises(refusals.AlreadyBooked):
            book_token().revoke(build_context())
