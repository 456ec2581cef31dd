"""Commands on links: slugs, dependencies, and who may do what."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from domain.commands.links import number_slug
from domain.link import Link
from domain.refusals import Forbidden, Invalid, LinkDeleted, NotFound, Refusal, SlugTaken
from tests.domain.commands.organisation import Organisation


def update(organisation: Organisation, **changes: Any) -> int | None:
    """Change Julio's link."""
    return organisation.links.update_link(organisation.build_context(), organisation.link, changes)


def create_disabled_host(organisation: Organisation) -> UUID:
    """Add a person who has left."""
    person = organisation.add_person("Left")
    organisation.administration.deactivate_person(organisation.build_admin_context(), person)
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
def test_a_link_gets_a_slug(slug: str | None, name: str, result: str, organisation: Organisation) -> None:
    link = organisation.create_link(slug, name=name)  # type: ignore[arg-type]
    assert organisation.application.load_aggregate(Link, link).properties.slug == result


@pytest.mark.parametrize(
    ("stem", "number", "slug"), [("a", 1, "a"), ("a", 2, "a-2"), ("a" * 40, 100, "a" * 36 + "-100")], ids=str
)
def test_slugs_are_numbered_within_their_length(stem: str, number: int, slug: str) -> None:
    assert number_slug(stem, number) == slug


def test_a_chosen_slug_that_is_taken_meanwhile_is_chosen_again(organisation: Organisation) -> None:
    """The lookup does not see the claim yet, but the append does."""
    log, find_claims, lookups = organisation.log, organisation.log.find_claims, list[list[str]]()

    def find_nothing_at_first(kind: str, values: Any) -> dict[str, UUID]:
        lookups.append(list(values))
        return find_claims(kind, values) if len(lookups) > 1 else {}

    log.find_claims = find_nothing_at_first  # type: ignore[method-assign]
    link = organisation.create_link(None, name="Intro")  # type: ignore[arg-type]
    assert organisation.application.load_aggregate(Link, link).properties.slug == "intro-2"
    lookups.clear()
    with pytest.raises(SlugTaken):
        organisation.create_link("intro")


def test_a_name_with_every_number_taken_is_refused(organisation: Organisation) -> None:
    organisation.log.find_claims = lambda kind, values: dict.fromkeys(values, UUID(int=9))  # type: ignore[method-assign]
    with pytest.raises(SlugTaken):
        organisation.create_link(None, name="Intro")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        pytest.param(lambda o: o.create_link("intro"), SlugTaken, id="a slug that another link has"),
        pytest.param(
            lambda o: (o.create_link("other"), update(o, slug="other")), SlugTaken, id="a change to such a slug"
        ),
        pytest.param(lambda o: o.create_link("a", co_host_ids=(o.julio,)), Invalid, id="the owner as a co-host"),
        pytest.param(lambda o: o.create_link("a", co_host_ids=(o.anna, o.anna)), Invalid, id="a co-host twice"),
        pytest.param(lambda o: o.create_link("a", co_host_ids=(UUID(int=9),)), Invalid, id="nobody as a co-host"),
        pytest.param(lambda o: o.create_link("a", co_host_ids=(o.link,)), Invalid, id="a link as a co-host"),
        pytest.param(
            lambda o: o.create_link("a", co_host_ids=(create_disabled_host(o),)), Invalid, id="a co-host who has left"
        ),
        pytest.param(lambda o: o.create_link("a", meeting_type_id=UUID(int=9)), Invalid, id="no meeting type"),
        pytest.param(lambda o: o.create_link("a", meeting_type_id=o.julio), Invalid, id="a person as a meeting type"),
        pytest.param(
            lambda o: o.links.create_link(o.build_context(role="auditor"), {"name": "A", "slug": None}),
            Forbidden,
            id="auditor",
        ),
        pytest.param(
            lambda o: o.links.update_link(o.build_context(o.anna), o.link, {"name": "A"}), NotFound, id="another's link"
        ),
        pytest.param(
            lambda o: o.links.switch_link(o.build_context(o.anna), o.link, on=False), NotFound, id="disabling it"
        ),
        pytest.param(lambda o: o.links.delete_link(o.build_context(o.anna), o.link), NotFound, id="deleting it"),
    ],
)
def test_is_refused(command: Callable[[Organisation], Any], refusal: type[Refusal], organisation: Organisation) -> None:
    with pytest.raises(refusal):
        command(organisation)


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
def test_a_link_is_changed(changes: dict[str, Any], events: list[str], organisation: Organisation) -> None:
    event_count = organisation.count_events()
    update(organisation, **changes)
    assert organisation.log.list_event_names(since=event_count) == events


def test_a_co_host_who_has_left_may_stay(organisation: Organisation) -> None:
    update(organisation, co_host_ids=(organisation.anna,))
    organisation.administration.deactivate_person(organisation.build_admin_context(), organisation.anna)
    assert update(organisation, name="New")


def test_a_link_is_switched_and_deleted(organisation: Organisation) -> None:
    event_count, link = organisation.count_events(), organisation.link
    for on in (False, True):
        assert organisation.links.switch_link(organisation.build_context(), link, on=on)
    organisation.links.delete_link(organisation.build_context(), link)
    assert organisation.log.list_event_names(since=event_count) == ["LinkDisabled", "LinkEnabled", "LinkDeleted"]
    with pytest.raises(LinkDeleted):
        organisation.links.switch_link(organisation.build_context(), link, on=True)
