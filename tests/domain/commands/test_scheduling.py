"""Commands on meetings: booking once, answering a retry, moving and cancelling."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain import refusals
from domain.availability.hours import Interval
from domain.availability.offer import build_days_interval
from domain.commands.scheduling import BookingTarget
from domain.link import Link
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from tests.domain.commands.organisation import LATER, START, Organisation
from tests.domain.example import NOW

HALF_HOUR = timedelta(minutes=30)
NIGHT = START.replace(hour=3)


def close_link(organisation: Organisation, how: str) -> None:
    """Close Julio's link: delete it, disable it, or let it expire."""
    context = organisation.build_context()
    if how == "deleted":
        organisation.links.delete_link(context, organisation.link)
    elif how == "disabled":
        organisation.links.switch_link(context, organisation.link, on=False)
    else:
        organisation.links.update_link(context, organisation.link, {"expires_at": NOW})


def revoke(organisation: Organisation) -> UUID:
    """Issue a single-use link and revoke it."""
    token = organisation.issue_token()
    organisation.single_use_links.revoke_link(organisation.build_context(), token, None)
    return token


class TestBook:
    """Booking a meeting."""

    @pytest.mark.parametrize(
        ("fields", "events"),
        [
            ({}, ["MeetingBooked"]),
            ({"key": "key"}, ["MeetingBooked"]),
            ({"slug": "intro"}, ["DirectIssued", "MeetingBooked"]),
            ({"slug": "intro", "key": "key"}, ["DirectIssued", "MeetingBooked"]),
        ],
        ids=str,
    )
    def test_is_one_append(self, fields: dict[str, Any], events: list[str], organisation: Organisation) -> None:
        token = None if "slug" in fields else organisation.issue_token()
        event_count = organisation.count_events()
        result = organisation.book(token, **fields)
        assert organisation.log.list_event_names(since=event_count) == events
        assert (result.position, result.replayed) == (organisation.count_events(), False)
        assert organisation.log.reservations[result.token.id] == (
            (organisation.julio,),
            Interval(START, START + HALF_HOUR),
        )

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_reads_nothing_but_the_token_when_all_is_cached(self, slug: str | None, organisation: Organisation) -> None:
        token = None if slug else organisation.issue_token()
        read_count = organisation.log.read_count
        organisation.book(token, slug=slug)
        assert organisation.log.read_count - read_count == (0 if slug else 1)

    @pytest.mark.parametrize(
        ("book", "refusal"),
        [
            pytest.param(lambda o: o.book(uuid4()), refusals.LinkNotFound, id="no such token"),
            pytest.param(lambda o: o.book(o.link), refusals.LinkNotFound, id="a link as a token"),
            pytest.param(lambda o: o.book(slug="none"), refusals.LinkNotFound, id="no such slug"),
            pytest.param(lambda o: o.book(slug="none", key="key"), refusals.LinkNotFound, id="nor with a key"),
            pytest.param(lambda o: o.book(o.book(slug="intro").token.id), refusals.LinkNotFound, id="a direct token"),
            pytest.param(lambda o: o.book(o.book().token.id, LATER), refusals.LinkUsed, id="booked already"),
            pytest.param(lambda o: o.book(o.book().token.id, key="k"), refusals.LinkUsed, id="also for another key"),
            pytest.param(lambda o: o.book(revoke(o)), refusals.LinkRevoked, id="revoked"),
            pytest.param(lambda o: o.book(start=NIGHT), refusals.SlotNotOffered, id="outside of the hours"),
            pytest.param(lambda o: o.book(start=NOW - HALF_HOUR), refusals.SlotNotOffered, id="in the past"),
            pytest.param(lambda o: (o.book(), o.book()), refusals.SlotTaken, id="taken"),
            pytest.param(lambda o: (o.book(), o.book(slug="intro")), refusals.SlotTaken, id="taken, by the slug"),
        ],
    )
    def test_is_refused(
        self, book: Callable[[Organisation], Any], refusal: type[Refusal], organisation: Organisation
    ) -> None:
        with pytest.raises(refusal):
            book(organisation)

    @pytest.mark.parametrize(
        ("how", "refusal"),
        [
            ("deleted", refusals.LinkDeleted),
            ("disabled", refusals.LinkDisabled),
            ("expired", refusals.LinkExpired),
        ],
    )
    @pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_is_refused_by_a_closed_link(
        self, how: str, refusal: type[Refusal], elsewhere: bool, slug: str | None, organisation: Organisation
    ) -> None:
        token = organisation.issue_token()
        close_link(organisation.start_other_process() if elsewhere else organisation, how)
        event_count = organisation.count_events()
        with pytest.raises(refusal):
            organisation.book(token, slug=slug)
        assert organisation.count_events() == event_count

    def test_of_a_link_that_was_opened_elsewhere(self, organisation: Organisation) -> None:
        close_link(organisation, "disabled")
        other = organisation.start_other_process()
        other.links.switch_link(other.build_context(), other.link, on=True)
        assert organisation.book(slug="intro").position

    def test_needs_what_the_link_needs(self, organisation: Organisation) -> None:
        other = organisation.start_other_process()
        other.links.update_link(other.build_context(), other.link, {"co_host_ids": (other.anna,)})
        assert organisation.book().offer.host_ids == (organisation.julio, organisation.anna)

    def test_loads_what_is_not_cached(self, organisation: Organisation) -> None:
        assert organisation.start_other_process().book().offer.host_ids == (organisation.julio,)


class TestRetry:
    """The same booking once more."""

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_is_answered_as_the_first_request(self, slug: str | None, organisation: Organisation) -> None:
        token = None if slug else organisation.issue_token()
        first = organisation.book(token, slug=slug, key="key")
        organisation.links.update_link(organisation.build_context(), organisation.link, {"name": "Renamed"})
        organisation.administration.update_person(
            organisation.build_admin_context(), organisation.julio, {"name": "Julia"}
        )
        second = organisation.book(token, slug=slug, key="key")
        assert (second.token.id, second.position, second.replayed) == (first.token.id, first.position, True)
        assert second.details == first.details
        assert [host.properties.name for host in second.offer.hosts] == ["Julio"]
        assert second.offer.link.properties.name == "Intro"

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_with_another_body_is_refused(self, slug: str | None, organisation: Organisation) -> None:
        token = None if slug else organisation.issue_token()
        organisation.book(token, slug=slug, key="key")
        with pytest.raises(refusals.IdempotencyKeyReused):
            organisation.book(token, slug=slug, key="key", guest={"name": "Eve"})

    def test_after_the_erasure_is_refused(self, organisation: Organisation) -> None:
        organisation.book(slug="intro", key="key")
        organisation.erasure.erase_personal_details(organisation.build_admin_context(), "ada@guest.example")
        with pytest.raises(refusals.Erased):
            organisation.book(slug="intro", key="key")

    @pytest.mark.parametrize("reused", [False, True], ids=["nobody has the slug", "another link has it"])
    def test_by_the_former_slug(self, reused: bool, organisation: Organisation) -> None:
        first = organisation.book(slug="intro", key="key")
        organisation.links.update_link(organisation.build_context(), organisation.link, {"slug": "renamed"})
        if reused:
            organisation.log.claims.pop(("slug", "intro"))
            organisation.create_link("intro")
            assert organisation.book(slug="intro", key="key", start=LATER).token.id != first.token.id
        else:
            organisation.log.claims.pop(("slug", "intro"))
            assert organisation.start_other_process().book(slug="intro", key="key").token.id == first.token.id
            with pytest.raises(refusals.LinkNotFound):
                organisation.start_other_process().book(slug="intro", key="another key")


class TestResolve:
    """What a guest's code or slug leads to."""

    def test_leads_to_the_offer(self, organisation: Organisation) -> None:
        id = organisation.issue_token()
        token, offer = organisation.scheduling.resolve_target(BookingTarget(id))
        assert token is not None
        assert (token.id, offer.link.id) == (id, organisation.link)
        assert organisation.scheduling.resolve_target(BookingTarget(slug="intro"))[0] is None

    def test_of_a_token_from_before_a_restore(self, organisation: Organisation) -> None:
        unused, booked = organisation.issue_token(), organisation.book().token.id
        organisation.log.unconfirmed_ids |= {unused, booked}
        with pytest.raises(refusals.LinkUnconfirmed):
            organisation.scheduling.resolve_target(BookingTarget(unused))
        assert organisation.scheduling.resolve_target(BookingTarget(booked))

    @pytest.mark.parametrize(
        "target", [BookingTarget(UUID(int=7)), BookingTarget(slug="none"), BookingTarget()], ids=str
    )
    def test_to_nothing(self, target: BookingTarget, organisation: Organisation) -> None:
        with pytest.raises(refusals.LinkNotFound):
            organisation.scheduling.resolve_target(target)

    def test_lists_the_free_slots(self, organisation: Organisation) -> None:
        offer = organisation.scheduling.load_offer(organisation.link, fresh=True)
        booking = organisation.book()
        day = build_days_interval(START.date(), START.date(), "UTC")
        slots = organisation.scheduling.list_slots(offer, day, NOW)
        assert len(slots) == 15
        assert START not in [slot.start for slot in slots]
        assert len(organisation.scheduling.list_slots(offer, day, NOW, excluding=booking.token.id)) == 16


class TestReschedule:
    """Moving a meeting."""

    def test_moves_the_reservation(self, organisation: Organisation) -> None:
        token = organisation.book().token.id
        assert organisation.scheduling.reschedule_meeting(organisation.build_guest_context(), token, LATER)
        assert organisation.log.reservations[token][1] == Interval(LATER, LATER + HALF_HOUR)
        assert organisation.scheduling.reschedule_meeting(organisation.build_guest_context(), token, LATER) is None

    def test_may_overlap_itself(self, organisation: Organisation) -> None:
        organisation.administration.update_meeting_type(
            organisation.build_admin_context(), organisation.meeting_type, {"slot_step_minutes": 10}
        )
        token = organisation.book().token.id
        assert organisation.scheduling.reschedule_meeting(
            organisation.build_guest_context(), token, START + timedelta(minutes=10)
        )

    @pytest.mark.parametrize(
        ("start", "now", "refusal"),
        [
            (NIGHT, NOW, refusals.SlotNotOffered),
            (LATER, NOW, refusals.SlotTaken),
            (LATER + HALF_HOUR, START, refusals.MeetingStarted),
        ],
        ids=["outside of the hours", "taken", "started"],
    )
    def test_is_refused(self, start: Any, now: Any, refusal: type[Refusal], organisation: Organisation) -> None:
        token = organisation.book().token.id
        organisation.book(start=LATER)
        with pytest.raises(refusal):
            organisation.scheduling.reschedule_meeting(organisation.build_guest_context(now), token, start)

    def test_of_an_unbooked_token_is_refused(self, organisation: Organisation) -> None:
        token = organisation.issue_token()
        with pytest.raises(refusals.NotFound):
            organisation.scheduling.reschedule_meeting(organisation.build_guest_context(), token, LATER)
        with pytest.raises(refusals.NotFound):
            organisation.scheduling.load_booking_offer(organisation.load_token(token))


class TestCancel:
    """Cancelling for good."""

    @pytest.mark.parametrize(("by", "reason"), [("guest", "Ill"), ("host", None)])
    def test_frees_the_time(self, by: str, reason: str | None, organisation: Organisation) -> None:
        token = organisation.book().token.id
        context = organisation.build_guest_context() if by == "guest" else organisation.build_context()
        organisation.scheduling.cancel_meeting(context, token, reason)
        event = organisation.log.read_stream(token)[-1]
        assert event.cancelled_by == by  # type: ignore[attr-defined]
        assert (event.details_id in organisation.log.details) == (reason is not None)  # type: ignore[attr-defined]
        assert token not in organisation.log.reservations
        assert organisation.book().position

    def test_is_refused_twice(self, organisation: Organisation) -> None:
        token = organisation.book().token.id
        organisation.scheduling.cancel_meeting(organisation.build_guest_context(), token, None)
        with pytest.raises(refusals.BookingCancelled):
            organisation.scheduling.cancel_meeting(organisation.build_guest_context(), token, None)


def test_only_whose_it_is_may_change_a_booking(organisation: Organisation) -> None:
    token = organisation.book().token.id
    assert organisation.scheduling.load_booking_to_change(organisation.build_context(), token).id == token
    with pytest.raises(refusals.NotFound):
        organisation.scheduling.load_booking_to_change(organisation.build_context(organisation.anna), token)


def test_a_conflict_is_recorded_once(organisation: Organisation) -> None:
    token, busy = organisation.book().token.id, [Interval(START, LATER)]
    for expected in (True, False):
        position = organisation.scheduling.record_calendar_conflict(
            organisation.build_guest_context(), token, organisation.julio, busy
        )
        assert (position is not None) == expected
    assert organisation.load_token(token).conflicting_hosts == {organisation.julio}


@pytest.mark.parametrize("kind", [Token, Link, Person])
def test_an_aggregate_at_a_version(kind: type[Any], organisation: Organisation) -> None:
    organisation.links.update_link(organisation.build_context(), organisation.link, {"name": "Renamed"})
    organisation.administration.update_person(organisation.build_admin_context(), organisation.julio, {"name": "Julia"})
    id = {Token: organisation.book().token.id, Link: organisation.link, Person: organisation.julio}[kind]
    for version in (1, 2):
        aggregate = organisation.application.load_aggregate_at_version(kind, id, version)
        assert (type(aggregate), aggregate.version) == (kind, version)
