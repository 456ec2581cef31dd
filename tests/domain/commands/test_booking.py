"""Booking a meeting: one append, refused where it must be, and a retry is answered as the first request."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain import refusals
from domain.availability.hours import Interval
from domain.refusals import Refusal
from tests.domain.commands.command_driver import LATER, START, CommandDriver
from tests.domain.example import NOW

HALF_HOUR = timedelta(minutes=30)
NIGHT = START.replace(hour=3)


def close_link(driver: CommandDriver, how: str) -> None:
    """Close Julio's link: delete it, disable it, or let it expire."""
    context = driver.build_context()
    if how == "deleted":
        driver.links.delete_link(context, driver.link)
    elif how == "disabled":
        driver.links.switch_link(context, driver.link, on=False)
    else:
        driver.links.update_link(context, driver.link, {"expires_at": NOW})


def revoke(driver: CommandDriver) -> UUID:
    """Issue a single-use link and revoke it."""
    token = driver.issue_token()
    driver.single_use_links.revoke_link(driver.build_context(), token, None)
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
    def test_is_one_append(self, fields: dict[str, Any], events: list[str], driver: CommandDriver) -> None:
        token = None if "slug" in fields else driver.issue_token()
        event_count = driver.count_events()
        result = driver.book(token, **fields)
        assert driver.log.list_event_names(since=event_count) == events
        assert (result.position, result.replayed) == (driver.count_events(), False)
        assert driver.log.reservations[result.token.id] == (
            (driver.julio,),
            Interval(START, START + HALF_HOUR),
        )

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_reads_nothing_but_the_token_when_all_is_cached(self, slug: str | None, driver: CommandDriver) -> None:
        token = None if slug else driver.issue_token()
        read_count = driver.log.read_count
        driver.book(token, slug=slug)
        assert driver.log.read_count - read_count == (0 if slug else 1)

    @pytest.mark.parametrize(
        ("book", "refusal"),
        [
            pytest.param(lambda driver: driver.book(uuid4()), refusals.LinkNotFound, id="no such token"),
            pytest.param(lambda driver: driver.book(driver.link), refusals.LinkNotFound, id="a link as a token"),
            pytest.param(lambda driver: driver.book(slug="none"), refusals.LinkNotFound, id="no such slug"),
            pytest.param(
                lambda driver: driver.book(slug="none", key="key"), refusals.LinkNotFound, id="nor with a key"
            ),
            pytest.param(
                lambda driver: driver.book(driver.book(slug="intro").token.id),
                refusals.LinkNotFound,
                id="a direct token",
            ),
            pytest.param(
                lambda driver: driver.book(driver.book().token.id, LATER), refusals.LinkUsed, id="booked already"
            ),
            pytest.param(
                lambda driver: driver.book(driver.book().token.id, key="k"),
                refusals.LinkUsed,
                id="also for another key",
            ),
            pytest.param(lambda driver: driver.book(revoke(driver)), refusals.LinkRevoked, id="revoked"),
            pytest.param(lambda driver: driver.book(start=NIGHT), refusals.SlotNotOffered, id="outside of the hours"),
            pytest.param(lambda driver: driver.book(start=NOW - HALF_HOUR), refusals.SlotNotOffered, id="in the past"),
            pytest.param(lambda driver: (driver.book(), driver.book()), refusals.SlotTaken, id="taken"),
            pytest.param(
                lambda driver: (driver.book(), driver.book(slug="intro")), refusals.SlotTaken, id="taken, by the slug"
            ),
        ],
    )
    def test_is_refused(
        self, book: Callable[[CommandDriver], Any], refusal: type[Refusal], driver: CommandDriver
    ) -> None:
        with pytest.raises(refusal):
            book(driver)

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
        self, how: str, refusal: type[Refusal], elsewhere: bool, slug: str | None, driver: CommandDriver
    ) -> None:
        token = driver.issue_token()
        close_link(driver.start_other_process() if elsewhere else driver, how)
        event_count = driver.count_events()
        with pytest.raises(refusal):
            driver.book(token, slug=slug)
        assert driver.count_events() == event_count

    def test_of_a_link_that_was_opened_elsewhere(self, driver: CommandDriver) -> None:
        close_link(driver, "disabled")
        other = driver.start_other_process()
        other.links.switch_link(other.build_context(), other.link, on=True)
        assert driver.book(slug="intro").position

    def test_needs_what_the_link_needs(self, driver: CommandDriver) -> None:
        other = driver.start_other_process()
        other.links.update_link(other.build_context(), other.link, {"co_host_ids": (other.anna,)})
        assert driver.book().offer.host_ids == (driver.julio, driver.anna)

    def test_loads_what_is_not_cached(self, driver: CommandDriver) -> None:
        assert driver.start_other_process().book().offer.host_ids == (driver.julio,)


class TestRetry:
    """The same booking once more."""

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_is_answered_as_the_first_request(self, slug: str | None, driver: CommandDriver) -> None:
        token = None if slug else driver.issue_token()
        first = driver.book(token, slug=slug, key="key")
        driver.links.update_link(driver.build_context(), driver.link, {"name": "Renamed"})
        driver.administration.update_person(driver.build_admin_context(), driver.julio, {"name": "Julia"})
        second = driver.book(token, slug=slug, key="key")
        assert (second.token.id, second.position, second.replayed) == (first.token.id, first.position, True)
        assert second.details == first.details
        assert [host.properties.name for host in second.offer.hosts] == ["Julio"]
        assert second.offer.link.properties.name == "Intro"

    @pytest.mark.parametrize("slug", [None, "intro"])
    def test_with_another_body_is_refused(self, slug: str | None, driver: CommandDriver) -> None:
        token = None if slug else driver.issue_token()
        driver.book(token, slug=slug, key="key")
        with pytest.raises(refusals.IdempotencyKeyReused):
            driver.book(token, slug=slug, key="key", guest={"name": "Eve"})

    def test_after_the_erasure_is_refused(self, driver: CommandDriver) -> None:
        driver.book(slug="intro", key="key")
        driver.erasure.erase_personal_details(driver.build_admin_context(), "ada@guest.example")
        with pytest.raises(refusals.Erased):
            driver.book(slug="intro", key="key")

    @pytest.mark.parametrize("reused", [False, True], ids=["nobody has the slug", "another link has it"])
    def test_by_the_former_slug(self, reused: bool, driver: CommandDriver) -> None:
        first = driver.book(slug="intro", key="key")
        driver.links.update_link(driver.build_context(), driver.link, {"slug": "renamed"})
        if reused:
            driver.log.claims.pop(("slug", "intro"))
            driver.create_link("intro")
            assert driver.book(slug="intro", key="key", start=LATER).token.id != first.token.id
        else:
            driver.log.claims.pop(("slug", "intro"))
            assert driver.start_other_process().book(slug="intro", key="key").token.id == first.token.id
            with pytest.raises(refusals.LinkNotFound):
                driver.start_other_process().book(slug="intro", key="another key")
