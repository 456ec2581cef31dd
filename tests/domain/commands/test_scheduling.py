"""Commands on meetings: what a link leads to, moving and cancelling."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain import refusals
from domain.availability.hours import Interval
from domain.commands.booking_request import BookingTarget
from domain.link import Link
from domain.offer import build_days_interval
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from tests.domain.commands.command_driver import LATER, START, CommandDriver
from tests.domain.example import NOW

HALF_HOUR = timedelta(minutes=30)
NIGHT = START.replace(hour=3)


class TestResolve:
    """What a guest's code or slug leads to."""

    def test_leads_to_the_offer(self, driver: CommandDriver) -> None:
        id = driver.issue_token()
        token, offer = driver.scheduling.resolve_target(BookingTarget(id))
        assert token is not None
        assert (token.id, offer.link.id) == (id, driver.link)
        assert driver.scheduling.resolve_target(BookingTarget(slug="intro"))[0] is None

    def test_of_a_token_from_before_a_restore(self, driver: CommandDriver) -> None:
        unused, booked = driver.issue_token(), driver.book().token.id
        driver.log.unconfirmed_ids |= {unused, booked}
        with pytest.raises(refusals.LinkUnconfirmed):
            driver.scheduling.resolve_target(BookingTarget(unused))
        assert driver.scheduling.resolve_target(BookingTarget(booked))

    @pytest.mark.parametrize(
        "target", [BookingTarget(UUID(int=7)), BookingTarget(slug="none"), BookingTarget()], ids=str
    )
    def test_to_nothing(self, target: BookingTarget, driver: CommandDriver) -> None:
        with pytest.raises(refusals.LinkNotFound):
            driver.scheduling.resolve_target(target)

    def test_lists_the_free_slots(self, driver: CommandDriver) -> None:
        offer = driver.scheduling.load_offer(driver.link, fresh=True)
        booking = driver.book()
        day = build_days_interval(START.date(), START.date(), "UTC")
        slots = driver.scheduling.list_slots(offer, day, NOW)
        assert len(slots) == 15
        assert START not in [slot.start for slot in slots]
        assert len(driver.scheduling.list_slots(offer, day, NOW, excluding=booking.token.id)) == 16


class TestReschedule:
    """Moving a meeting."""

    def test_moves_the_reservation(self, driver: CommandDriver) -> None:
        token = driver.book().token.id
        assert driver.scheduling.reschedule_meeting(driver.build_guest_context(), token, LATER)
        assert driver.log.reservations[token][1] == Interval(LATER, LATER + HALF_HOUR)
        assert driver.scheduling.reschedule_meeting(driver.build_guest_context(), token, LATER) is None

    def test_may_overlap_itself(self, driver: CommandDriver) -> None:
        driver.administration.update_meeting_type(
            driver.build_admin_context(), driver.meeting_type, {"slot_step_minutes": 10}
        )
        token = driver.book().token.id
        assert driver.scheduling.reschedule_meeting(driver.build_guest_context(), token, START + timedelta(minutes=10))

    @pytest.mark.parametrize(
        ("start", "now", "refusal"),
        [
            (NIGHT, NOW, refusals.SlotNotOffered),
            (LATER, NOW, refusals.SlotTaken),
            (LATER + HALF_HOUR, START, refusals.MeetingStarted),
        ],
        ids=["outside of the hours", "taken", "started"],
    )
    def test_is_refused(self, start: Any, now: Any, refusal: type[Refusal], driver: CommandDriver) -> None:
        token = driver.book().token.id
        driver.book(start=LATER)
        with pytest.raises(refusal):
            driver.scheduling.reschedule_meeting(driver.build_guest_context(now), token, start)

    def test_of_an_unbooked_token_is_refused(self, driver: CommandDriver) -> None:
        token = driver.issue_token()
        with pytest.raises(refusals.NotFound):
            driver.scheduling.reschedule_meeting(driver.build_guest_context(), token, LATER)
        with pytest.raises(refusals.NotFound):
            driver.scheduling.load_booking_offer(driver.load_token(token))


class TestCancel:
    """Cancelling for good."""

    @pytest.mark.parametrize(("by", "reason"), [("guest", "Ill"), ("host", None)])
    def test_frees_the_time(self, by: str, reason: str | None, driver: CommandDriver) -> None:
        token = driver.book().token.id
        context = driver.build_guest_context() if by == "guest" else driver.build_context()
        driver.scheduling.cancel_meeting(context, token, reason)
        event = driver.log.read_stream(token)[-1]
        assert event.cancelled_by == by  # type: ignore[attr-defined]
        assert (event.details_id in driver.log.details) == (reason is not None)  # type: ignore[attr-defined]
        assert token not in driver.log.reservations
        assert driver.book().position

    def test_is_refused_twice(self, driver: CommandDriver) -> None:
        token = driver.book().token.id
        driver.scheduling.cancel_meeting(driver.build_guest_context(), token, None)
        with pytest.raises(refusals.BookingCancelled):
            driver.scheduling.cancel_meeting(driver.build_guest_context(), token, None)


def test_only_whose_it_is_may_change_a_booking(driver: CommandDriver) -> None:
    token = driver.book().token.id
    assert driver.scheduling.load_booking_to_change(driver.build_context(), token).id == token
    with pytest.raises(refusals.NotFound):
        driver.scheduling.load_booking_to_change(driver.build_context(driver.anna), token)


def test_a_conflict_is_recorded_once(driver: CommandDriver) -> None:
    token, busy = driver.book().token.id, [Interval(START, LATER)]
    for expected in (True, False):
        position = driver.scheduling.record_calendar_conflict(driver.build_guest_context(), token, driver.julio, busy)
        assert (position is not None) == expected
    assert driver.load_token(token).conflicting_hosts == {driver.julio}


@pytest.mark.parametrize("kind", [Token, Link, Person])
def test_an_aggregate_at_a_version(kind: type[Any], driver: CommandDriver) -> None:
    driver.links.update_link(driver.build_context(), driver.link, {"name": "Renamed"})
    driver.administration.update_person(driver.build_admin_context(), driver.julio, {"name": "Julia"})
    id = {Token: driver.book().token.id, Link: driver.link, Person: driver.julio}[kind]
    for version in (1, 2):
        aggregate = driver.application.load_aggregate_at_version(kind, id, version)
        assert (type(aggregate), aggregate.version) == (kind, version)
