"""Commands on managed links: each host has a core link of their own, changed in the same append."""

from typing import Any
from uuid import UUID

import pytest

from domain.link import Link
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.refusals import Forbidden, IdempotencyKeyReused, Invalid, SlugTaken, VersionConflict
from tests.domain.commands.organisation import Organisation


def create(organisation: Organisation, key: str | None = None, **values: Any) -> UUID:
    """Create a managed link of Julio and Anna."""
    fields = {
        "name": "Tour",
        "slug": "tour",
        "meeting_type_id": organisation.meeting_type,
        "host_ids": (organisation.julio, organisation.anna),
    }
    properties = ManagedLinkProperties(**fields | values)
    context = organisation.build_context(role="manager")
    return organisation.links.create_managed_link(context, properties, key, {"name": properties.name}).id


def update(organisation: Organisation, id: UUID, version: int | None = None, **changes: Any) -> list[str]:
    """Change a managed link. Return the names of the events."""
    event_count = organisation.count_events()
    organisation.links.update_managed_link(organisation.build_context(role="manager"), id, changes, version)
    return organisation.log.list_event_names(since=event_count)


def list_slugs(organisation: Organisation, id: UUID) -> list[str]:
    """List the slugs of the hosts' links."""
    links = organisation.application.load_aggregate(ManagedLink, id).properties.links
    return [organisation.application.load_aggregate(Link, link).properties.slug for link in links.values()]


def test_each_host_gets_a_link_in_one_append(organisation: Organisation) -> None:
    event_count, append_count = organisation.count_events(), organisation.log.append_count
    id = create(organisation)
    assert organisation.log.list_event_names(since=event_count) == ["LinkCreated", "LinkCreated", "ManagedLinkCreated"]
    assert organisation.log.append_count == append_count + 1
    assert list_slugs(organisation, id) == ["tour-julio", "tour-anna"]


def test_hosts_of_one_name_get_slugs_of_their_own(organisation: Organisation) -> None:
    namesake = organisation.add_person("Julio", email="other@nexora.example")
    nameless = organisation.add_person("???", email="nameless@nexora.example")
    id = create(organisation, host_ids=(organisation.julio, namesake, nameless))
    assert list_slugs(organisation, id) == ["tour-julio", "tour-julio-2", "tour-host"]


def test_a_key_creates_once(organisation: Organisation) -> None:
    id = create(organisation, "key")
    event_count = organisation.count_events()
    assert create(organisation, "key") == id
    assert organisation.count_events() == event_count
    with pytest.raises(IdempotencyKeyReused):
        create(organisation, "key", name="Other")


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"name": "Big tour"}, ["LinkUpdated", "LinkUpdated", "ManagedLinkUpdated"]),
        ({"slug": "big"}, ["LinkUpdated", "LinkUpdated", "ManagedLinkUpdated"]),
        ({"host_ids": ("julio",)}, ["LinkDeleted", "ManagedLinkUpdated"]),
        ({"host_ids": ("julio", "anna", "founder")}, ["LinkCreated", "ManagedLinkUpdated"]),
        ({"host_ids": ("founder",)}, ["LinkDeleted", "LinkDeleted", "LinkCreated", "ManagedLinkUpdated"]),
        ({"host_ids": ("anna", "julio")}, ["ManagedLinkUpdated"]),
        ({"name": "Tour"}, []),
    ],
    ids=str,
)
def test_a_change_reaches_every_link(changes: dict[str, Any], events: list[str], organisation: Organisation) -> None:
    id = create(organisation)
    if "host_ids" in changes:
        changes = {"host_ids": tuple(getattr(organisation, name) for name in changes["host_ids"])}
    assert update(organisation, id, **changes) == events
    properties = organisation.application.load_aggregate(ManagedLink, id).properties
    assert tuple(properties.links) == properties.host_ids


def test_new_slugs_are_claimed(organisation: Organisation) -> None:
    id = create(organisation)
    update(organisation, id, slug="big")
    assert list_slugs(organisation, id) == ["big-julio", "big-anna"]
    assert {organisation.log.claims["slug", slug] for slug in ("big-julio", "big-anna")} == set(
        organisation.application.load_aggregate(ManagedLink, id).properties.links.values()
    )
    assert organisation.log.claims["slug", "big"] == id


def test_a_link_that_was_deleted_stays_deleted(organisation: Organisation) -> None:
    """Only a log from before managed links were protected has one."""
    id = create(organisation)
    [link_id, _] = organisation.application.load_aggregate(ManagedLink, id).properties.links.values()
    link = organisation.application.load_aggregate(Link, link_id).copy_with_events(())
    link.delete(organisation.build_admin_context())
    organisation.application.append_events(link)
    changes = {"host_ids": (organisation.anna,), "name": "Big tour"}
    assert update(organisation, id, **changes) == ["LinkUpdated", "ManagedLinkUpdated"]


def test_is_refused(organisation: Organisation) -> None:
    id = create(organisation)
    with pytest.raises(VersionConflict):
        update(organisation, id, version=2, name="Big tour")
    with pytest.raises(SlugTaken):
        update(organisation, id, slug="intro")
    with pytest.raises(SlugTaken):
        create(organisation, slug="intro")
    with pytest.raises(Invalid):
        update(organisation, id, host_ids=(organisation.julio, organisation.julio))
    with pytest.raises(Invalid):
        update(organisation, id, meeting_type_id=organisation.julio)
    with pytest.raises(Forbidden):
        organisation.links.update_managed_link(organisation.build_context(), id, {"name": "Big tour"})
