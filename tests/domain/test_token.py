"""A token: what it allows, what it refuses, and where it stays silent."""

from datetime import timedelta

import pytest

from domain import refusals
from domain.token import MeetingBooked, MeetingCancelled, MeetingReassigned, Rescheduled, SingleUseRevoked
from tests.domain.example import ANNA, JULIO, START, at, booked, booking, happened, issued, times

LATER = START + timedelta(hours=1)


class TestBook:
    """Becoming the meeting."""

    def test_allowed_when_unused(self) -> None:
        token = issued()
        token.book(at(person=None), **booking())
        assert happened(token) == [MeetingBooked]

    def test_refused_when_booked(self) -> None:
        with pytest.raises(refusals.LinkUsed):
            booked().book(at(person=None), **booking(LATER))

    def test_refused_when_revoked(self) -> None:
        token = issued()
        token.revoke(at())
        with pytest.raises(refusals.LinkRevoked):
            token.book(at(person=None), **booking())

    def test_refused_after_cancelling(self) -> None:
        token = booked()
        token.cancel(at(), cancelled_by="guest")
        with pytest.raises(refusals.LinkUsed):
            token.book(at(person=None), **booking(LATER))


class TestReschedule:
    """Moving the meeting."""

    def test_allowed_again_and_again(self) -> None:
        token = booked()
        token.reschedule(at(), meeting_type_version=1, **times(LATER))
        token.reschedule(at(), meeting_type_version=1, **times(START))
        assert happened(token) == [Rescheduled, Rescheduled]

    def test_says_where_it_was(self) -> None:
        token = booked()
        token.reschedule(at(), meeting_type_version=1, **times(LATER))
        [event] = token.collect_events()
        assert isinstance(event, Rescheduled)
        assert event.previous_starts_at == START

    def test_silent_when_it_is_there(self) -> None:
        token = booked()
        token.reschedule(at(), meeting_type_version=1, **times(START))
        assert happened(token) == []

    @pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=1)])
    def test_refused_when_started(self, late: timedelta) -> None:
        with pytest.raises(refusals.MeetingStarted):
            booked().reschedule(at(START + late), meeting_type_version=1, **times(LATER))

    def test_refused_when_cancelled(self) -> None:
        token = booked()
        token.cancel(at(), cancelled_by="host")
        with pytest.raises(refusals.BookingCancelled):
            token.reschedule(at(), meeting_type_version=1, **times(LATER))

    def test_refused_when_never_booked(self) -> None:
        with pytest.raises(refusals.NotFound):
            issued().reschedule(at(), meeting_type_version=1, **times(LATER))


class TestReassign:
    """Giving the meeting to another host."""

    def test_allowed_with_the_times_as_they_stand(self) -> None:
        token = booked()
        token.reschedule(at(), meeting_type_version=2, **times(LATER))
        token.collect_events()
        token.reassign(at(), host_ids=(ANNA,), host_versions=(3,))
        [event] = token.collect_events()
        assert isinstance(event, MeetingReassigned)
        assert (event.previous_host_ids, event.host_ids, event.host_versions) == ((JULIO,), (ANNA,), (3,))
        assert event.meeting_type_version == 2
        assert {name: getattr(event, name) for name in times(LATER)} == times(LATER)
        assert token.host_ids == (ANNA,)

    def test_silent_when_it_is_theirs(self) -> None:
        token = booked()
        token.reassign(at(), host_ids=(JULIO,), host_versions=(1,))
        assert happened(token) == []

    def test_may_be_moved_and_given_away_again(self) -> None:
        token = booked()
        token.reassign(at(), host_ids=(ANNA,), host_versions=(1,))
        token.reschedule(at(), meeting_type_version=1, **times(LATER))
        token.reassign(at(), host_ids=(JULIO,), host_versions=(1,))
        assert happened(token) == [MeetingReassigned, Rescheduled, MeetingReassigned]
        assert token.host_ids == (JULIO,)

    @pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=1)])
    def test_refused_when_started(self, late: timedelta) -> None:
        with pytest.raises(refusals.MeetingStarted):
            booked().reassign(at(START + late), host_ids=(ANNA,), host_versions=(1,))

    def test_refused_when_cancelled(self) -> None:
        token = booked()
        token.cancel(at(), cancelled_by="host")
        with pytest.raises(refusals.BookingCancelled):
            token.reassign(at(), host_ids=(ANNA,), host_versions=(1,))

    def test_refused_when_never_booked(self) -> None:
        with pytest.raises(refusals.NotFound):
            issued().reassign(at(), host_ids=(ANNA,), host_versions=(1,))


class TestCancel:
    """Cancelling for good."""

    def test_allowed_until_it_starts(self) -> None:
        token = booked()
        token.cancel(at(START - timedelta(seconds=1)), cancelled_by="guest")
        assert happened(token) == [MeetingCancelled]

    def test_refused_when_started(self) -> None:
        with pytest.raises(refusals.MeetingStarted):
            booked().cancel(at(START), cancelled_by="guest")

    def test_refused_twice(self) -> None:
        token = booked()
        token.cancel(at(), cancelled_by="guest")
        with pytest.raises(refusals.BookingCancelled):
            token.cancel(at(), cancelled_by="guest")


class TestRevoke:
    """Withdrawing an unused link."""

    def test_allowed_when_unused(self) -> None:
        token = issued()
        token.revoke(at())
        assert happened(token) == [SingleUseRevoked]

    def test_silent_twice(self) -> None:
        token = issued()
        token.revoke(at())
        token.revoke(at())
        assert happened(token) == [SingleUseRevoked]

    def test_refused_when_booked(self) -> None:
        with pytest.raises(refusals.AlreadyBooked):
            booked().revoke(at())
