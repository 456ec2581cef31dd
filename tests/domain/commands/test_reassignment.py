"""The command that gives a meeting to another host: who may have it, and what is reserved afterwards."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain import refusals
from domain.availability.hours import Interval
from domain.commands.reassignment import replace_host
from domain.refusals import Invalid, Refusal
from tests.domain.commands.organisation import START, Organisation
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
    organisation: Organisation, token: UUID, host: UUID, instead_of: UUID | None = None, now: datetime = NOW
) -> int | None:
    """Give a meeting to somebody, as a manager."""
    context = organisation.build_context(role="manager", now=now)
    return organisation.reassignment.reassign_meeting(context, token, host, instead_of)


def test_the_reservation_changes_hands(organisation: Organisation) -> None:
    token = organisation.book().token.id
    assert reassign(organisation, token, organisation.anna)
    assert organisation.log.reservations[token] == ((organisation.anna,), Interval(START, START + HALF_HOUR))
    assert reassign(organisation, token, organisation.anna) is None
    assert organisation.book().position  # Julio is free again


def test_a_co_host_who_becomes_the_host_has_the_time(organisation: Organisation) -> None:
    """The meeting itself is no reason to refuse."""
    context = organisation.build_context()
    organisation.links.update_link(context, organisation.link, {"co_host_ids": (organisation.anna,)})
    token = organisation.book().token.id
    assert reassign(organisation, token, organisation.anna)
    assert organisation.load_token(token).host_ids == (organisation.anna,)


def make_busy(organisation: Organisation, start: datetime) -> None:
    """Fill half an hour of Anna's own calendar."""
    organisation.log.busy_times[organisation.anna] = [Interval(start, start + HALF_HOUR)]


def deactivate(organisation: Organisation, person: UUID) -> None:
    """Let somebody leave."""
    organisation.administration.deactivate_person(organisation.build_admin_context(), person)


@pytest.mark.parametrize(
    ("prepare", "host", "now", "refusal"),
    [
        pytest.param(lambda o: make_busy(o, START), "anna", NOW, refusals.HostNotFree, id="busy"),
        pytest.param(lambda o: deactivate(o, o.anna), "anna", NOW, Invalid, id="has left"),
        pytest.param(lambda o: None, "meeting_type", NOW, Invalid, id="no person"),
        pytest.param(lambda o: None, "anna", START, refusals.MeetingStarted, id="started"),
    ],
)
def test_is_refused(
    prepare: Callable[[Organisation], None],
    host: str,
    now: datetime,
    refusal: type[Refusal],
    organisation: Organisation,
) -> None:
    token = organisation.book().token.id
    prepare(organisation)
    event_count = organisation.count_events()
    with pytest.raises(refusal):
        reassign(organisation, token, getattr(organisation, host), now=now)
    assert organisation.count_events() == event_count


def test_busy_before_and_after_is_free(organisation: Organisation) -> None:
    token = organisation.book().token.id
    make_busy(organisation, START + HALF_HOUR)
    organisation.log.busy_times[organisation.anna].append(Interval(START - HALF_HOUR, START))
    assert reassign(organisation, token, organisation.anna)


def test_a_time_that_is_taken_while_it_is_decided(organisation: Organisation) -> None:
    """The lookup found nothing, but the append does."""
    token, find = organisation.book().token.id, organisation.log.find_unavailable_intervals
    make_busy(organisation, START)
    results = iter([[]])
    organisation.log.find_unavailable_intervals = (  # type: ignore[method-assign]
        lambda host_ids, within, excluding=None: next(results, None) or find(host_ids, within, excluding)
    )
    with pytest.raises(refusals.HostNotFree):
        reassign(organisation, token, organisation.anna)


def test_the_host_or_a_manager_may(organisation: Organisation) -> None:
    token, load = organisation.book().token.id, organisation.reassignment.load_booking_to_reassign
    assert load(organisation.build_context(), token).id == token
    assert load(organisation.build_context(organisation.anna, "manager"), token).id == token
    with pytest.raises(refusals.NotFound):
        load(organisation.build_context(organisation.anna), token)
