"""Commands on links: slugs, dependencies, and who may do what."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from domain.commands.link_dependencies import number_slug
from domain.link import Link
from domain.refusals import Forbidden, Invalid, LinkDeleted, NotFound, Refusal, SlugTaken
from tests.domain.commands.command_driver import CommandDriver


def update(driver: CommandDriver, **changes: Any) -> int | None:
    """Change Julio's link."""
    return driver.links.update_link(driver.build_context(), driver.link, changes)


def create_disabled_host(driver: CommandDriver) -> UUID:
    """Add a person who has left."""
    person = driver.add_person("Left")
    driver.administration.deactivate_person(driver.build_admin_context(), person)
    return person


@pytest.mark.parametrize(
    ("slug", "name", "result"),
    [
        ("mine", "Any", "mine"),
        (None, "Any name", "any-name"),
        (None, "Intro", "intro-2"),
        (None, "???", "link"),
        (None, "A name that is much longer than any slug may be", "a-name-that-is-much-longer-than-any"),
    ],
)
def test_a_link_gets_a_slug(slug: str | None, name: str, result: str, driver: CommandDriver) -> None:
    link = driver.create_link(slug, name=name)  # type: ignore[arg-type]
    assert driver.application.load_aggregate(Link, link).properties.slug == result


@pytest.mark.parametrize(
    ("stem", "number", "slug"), [("a", 1, "a"), ("a", 2, "a-2"), ("a" * 40, 100, "a" * 36 + "-100")], ids=str
)
def test_slugs_are_numbered_within_their_length(stem: str, number: int, slug: str) -> None:
    assert number_slug(stem, number) == slug


def test_a_chosen_slug_that_is_taken_meanwhile_is_chosen_again(driver: CommandDriver) -> None:
    """The lookup does not see the claim yet, but the append does."""
    log, find_claims, lookups = driver.log, driver.log.find_claims, list[list[str]]()

    def find_nothing_at_first(kind: str, values: Any) -> dict[str, UUID]:
        lookups.append(list(values))
        return find_claims(kind, values) if len(lookups) > 1 else {}

    log.find_claims = find_nothing_at_first  # type: ignore[method-assign]
    link = driver.create_link(None, name="Intro")  # type: ignore[arg-type]
    assert driver.application.load_aggregate(Link, link).properties.slug == "intro-2"
    lookups.clear()
    with pytest.raises(SlugTaken):
        driver.create_link("intro")


def test_a_name_with_every_number_taken_is_refused(driver: CommandDriver) -> None:
    driver.log.find_claims = lambda kind, values: dict.fromkeys(values, UUID(int=9))  # type: ignore[method-assign]
    with pytest.raises(SlugTaken):
        driver.create_link(None, name="Intro")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        pytest.param(lambda driver: driver.create_link("intro"), SlugTaken, id="a slug that another link has"),
        pytest.param(
            lambda driver: (driver.create_link("other"), update(driver, slug="other")),
            SlugTaken,
            id="a change to such a slug",
        ),
        pytest.param(
            lambda driver: driver.create_link("a", co_host_ids=(driver.julio,)), Invalid, id="the owner as a co-host"
        ),
        pytest.param(
            lambda driver: driver.create_link("a", co_host_ids=(driver.anna, driver.anna)),
            Invalid,
            id="a co-host twice",
        ),
        pytest.param(
            lambda driver: driver.create_link("a", co_host_ids=(UUID(int=9),)), Invalid, id="nobody as a co-host"
        ),
        pytest.param(
            lambda driver: driver.create_link("a", co_host_ids=(driver.link,)), Invalid, id="a link as a co-host"
        ),
        pytest.param(
            lambda driver: driver.create_link("a", co_host_ids=(create_disabled_host(driver),)),
            Invalid,
            id="a co-host who has left",
        ),
        pytest.param(
            lambda driver: driver.create_link("a", meeting_type_id=UUID(int=9)), Invalid, id="no meeting type"
        ),
        pytest.param(
            lambda driver: driver.create_link("a", meeting_type_id=driver.julio),
            Invalid,
            id="a person as a meeting type",
        ),
        pytest.param(
            lambda driver: driver.links.create_link(driver.build_context(role="auditor"), {"name": "A", "slug": None}),
            Forbidden,
            id="auditor",
        ),
        pytest.param(
            lambda driver: driver.links.update_link(driver.build_context(driver.anna), driver.link, {"name": "A"}),
            NotFound,
            id="another's link",
        ),
        pytest.param(
            lambda driver: driver.links.switch_link(driver.build_context(driver.anna), driver.link, on=False),
            NotFound,
            id="disabling it",
        ),
        pytest.param(
            lambda driver: driver.links.delete_link(driver.build_context(driver.anna), driver.link),
            NotFound,
            id="deleting it",
        ),
    ],
)
def test_is_refused(command: Callable[[CommandDriver], Any], refusal: type[Refusal], driver: CommandDriver) -> None:
    with pytest.raises(refusal):
        command(driver)


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"name": "New"}, ["LinkUpdated"]),
        ({"slug": "new"}, ["LinkUpdated"]),
        ({"slug": "intro"}, []),
        ({}, []),
    ],
    ids=str,
)
def test_a_link_is_changed(changes: dict[str, Any], events: list[str], driver: CommandDriver) -> None:
    event_count = driver.count_events()
    update(driver, **changes)
    assert driver.log.list_event_names(since=event_count) == events


def test_a_co_host_who_has_left_may_stay(driver: CommandDriver) -> None:
    update(driver, co_host_ids=(driver.anna,))
    driver.administration.deactivate_person(driver.build_admin_context(), driver.anna)
    assert update(driver, name="New")


def test_a_link_is_switched_and_deleted(driver: CommandDriver) -> None:
    event_count, link = driver.count_events(), driver.link
    for on in (False, True):
        assert driver.links.switch_link(driver.build_context(), link, on=on)
    driver.links.delete_link(driver.build_context(), link)
    assert driver.log.list_event_names(since=event_count) == ["LinkDisabled", "LinkEnabled", "LinkDeleted"]
    with pytest.raises(LinkDeleted):
        driver.links.switch_link(driver.build_context(), link, on=True)
