"""The command that gives a meeting to another host: who may have it, and what is reserved afterwards."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain import refusals
from domain.availability.hours import Interval
from domain.commands.reassignment import replace_host
from domain.refusals import Invalid, Refusal
from tests.domain.commands.command_driver import START, CommandDriver
from tests.domain.example import NOW

A, B, C, D = (UUID(int=number) for number in range(1, 5))
HALF_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("before", "host", "instead_of", "after"),
    [
        ((A,), B, None, (B,)),
        ((A,), A, None, (A,)),
        ((A, B), C, None, (C, B)),
        ((A, B), C, B, (A, C)),
        ((A, B), B, None, (B,)),
        ((A, B, C), C, A, (C, B)),
        ((A, B), A, B, Invalid),
        ((A, B), B, B, (A, B)),
        ((A, B), B, C, (A, B)),
        ((A, B), D, C, Invalid),
    ],
    ids=str,
)
def test_a_host_is_replaced(
    before: tuple[UUID, ...], host: UUID, instead_of: UUID | None, after: tuple[UUID, ...] | type[Invalid]
) -> None:
    if isinstance(after, tuple):
        assert replace_host(before, host, instead_of) == after
    else:
        with pytest.raises(after):
            replace_host(before, host, instead_of)


def reassign(
    driver: CommandDriver, token: UUID, host: UUID, instead_of: UUID | None = None, now: datetime = NOW
) -> int | None:
    """Give a meeting to somebody, as a manager."""
    context = driver.build_context(role="manager", now=now)
    return driver.reassignment.reassign_meeting(context, token, host, instead_of)


def test_the_reservation_changes_hands(driver: CommandDriver) -> None:
    token = driver.book().token.id
    assert reassign(driver, token, driver.anna)
    assert driver.log.reservations[token] == ((driver.anna,), Interval(START, START + HALF_HOUR))
    assert reassign(driver, token, driver.anna) is None
    assert driver.book().position  # Julio is free again


def test_a_co_host_who_becomes_the_host_has_the_time(driver: CommandDriver) -> None:
    """The meeting itself is no reason to refuse."""
    context = driver.build_context()
    driver.links.update_link(context, driver.link, {"co_host_ids": (driver.anna,)})
    token = driver.book().token.id
    assert reassign(driver, token, driver.anna)
    assert driver.load_token(token).host_ids == (driver.anna,)


def make_busy(driver: CommandDriver, start: datetime) -> None:
    """Fill half an hour of Anna's own calendar."""
    driver.log.busy_times[driver.anna] = [Interval(start, start + HALF_HOUR)]


def deactivate(driver: CommandDriver, person: UUID) -> None:
    """Let somebody leave."""
    driver.administration.deactivate_person(driver.build_admin_context(), person)


@pytest.mark.parametrize(
    ("prepare", "host", "now", "refusal"),
    [
        pytest.param(lambda driver: make_busy(driver, START), "anna", NOW, refusals.HostNotFree, id="busy"),
        pytest.param(lambda driver: deactivate(driver, driver.anna), "anna", NOW, Invalid, id="has left"),
        pytest.param(lambda driver: None, "meeting_type", NOW, Invalid, id="no person"),
        pytest.param(lambda driver: None, "anna", START, refusals.MeetingStarted, id="started"),
    ],
)
def test_is_refused(
    prepare: Callable[[CommandDriver], None],
    host: str,
    now: datetime,
    refusal: type[Refusal],
    driver: CommandDriver,
) -> None:
    token = driver.book().token.id
    prepare(driver)
    event_count = driver.count_events()
    with pytest.raises(refusal):
        reassign(driver, token, getattr(driver, host), now=now)
    assert driver.count_events() == event_count


def test_busy_before_and_after_is_free(driver: CommandDriver) -> None:
    token = driver.book().token.id
    make_busy(driver, START + HALF_HOUR)
    driver.log.busy_times[driver.anna].append(Interval(START - HALF_HOUR, START))
    assert reassign(driver, token, driver.anna)


def test_a_time_that_is_taken_while_it_is_decided(driver: CommandDriver) -> None:
    """The lookup found nothing, but the append does."""
    token, find = driver.book().token.id, driver.log.find_unavailable_intervals
    make_busy(driver, START)
    results = iter([[]])
    driver.log.find_unavailable_intervals = (  # type: ignore[method-assign]
        lambda host_ids, within, excluding=None: next(results, None) or find(host_ids, within, excluding)
    )
    with pytest.raises(refusals.HostNotFree):
        reassign(driver, token, driver.anna)


def test_the_host_or_a_manager_may(driver: CommandDriver) -> None:
    token, load = driver.book().token.id, driver.reassignment.load_booking_to_reassign
    assert load(driver.build_context(), token).id == token
    assert load(driver.build_context(driver.anna, "manager"), token).id == token
    with pytest.raises(refusals.NotFound):
        load(driver.build_context(driver.anna), token)
