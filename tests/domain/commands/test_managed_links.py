"""Commands on managed links: each host has a core link of their own, changed in the same append."""

from typing import Any
from uuid import UUID

import pytest

from domain.link import Link
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.refusals import Forbidden, IdempotencyKeyReused, Invalid, SlugTaken, VersionConflict
from tests.domain.commands.command_driver import CommandDriver


def create(driver: CommandDriver, key: str | None = None, **values: Any) -> UUID:
    """Create a managed link of Julio and Anna."""
    fields = {
        "name": "Tour",
        "slug": "tour",
        "meeting_type_id": driver.meeting_type,
        "host_ids": (driver.julio, driver.anna),
    }
    properties = ManagedLinkProperties(**fields | values)
    context = driver.build_context(role="manager")
    return driver.links.create_managed_link(context, properties, key, {"name": properties.name}).id


def update(driver: CommandDriver, id: UUID, version: int | None = None, **changes: Any) -> list[str]:
    """Change a managed link. Return the names of the events."""
    event_count = driver.count_events()
    driver.links.update_managed_link(driver.build_context(role="manager"), id, changes, version)
    return driver.log.list_event_names(since=event_count)


def list_slugs(driver: CommandDriver, id: UUID) -> list[str]:
    """List the slugs of the hosts' links."""
    links = driver.application.load_aggregate(ManagedLink, id).properties.links
    return [driver.application.load_aggregate(Link, link).properties.slug for link in links.values()]


def test_each_host_gets_a_link_in_one_append(driver: CommandDriver) -> None:
    event_count, append_count = driver.count_events(), driver.log.append_count
    id = create(driver)
    assert driver.log.list_event_names(since=event_count) == ["LinkCreated", "LinkCreated", "ManagedLinkCreated"]
    assert driver.log.append_count == append_count + 1
    assert list_slugs(driver, id) == ["tour-julio", "tour-anna"]


def test_hosts_of_one_name_get_slugs_of_their_own(driver: CommandDriver) -> None:
    namesake = driver.add_person("Julio", email="other@nexora.example")
    nameless = driver.add_person("???", email="nameless@nexora.example")
    id = create(driver, host_ids=(driver.julio, namesake, nameless))
    assert list_slugs(driver, id) == ["tour-julio", "tour-julio-2", "tour-host"]


def test_a_key_creates_once(driver: CommandDriver) -> None:
    id = create(driver, "key")
    event_count = driver.count_events()
    assert create(driver, "key") == id
    assert driver.count_events() == event_count
    with pytest.raises(IdempotencyKeyReused):
        create(driver, "key", name="Other")


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
def test_a_change_reaches_every_link(changes: dict[str, Any], events: list[str], driver: CommandDriver) -> None:
    id = create(driver)
    if "host_ids" in changes:
        changes = {"host_ids": tuple(getattr(driver, name) for name in changes["host_ids"])}
    assert update(driver, id, **changes) == events
    properties = driver.application.load_aggregate(ManagedLink, id).properties
    assert tuple(properties.links) == properties.host_ids


def test_new_slugs_are_claimed(driver: CommandDriver) -> None:
    id = create(driver)
    update(driver, id, slug="big")
    assert list_slugs(driver, id) == ["big-julio", "big-anna"]
    assert {driver.log.claims["slug", slug] for slug in ("big-julio", "big-anna")} == set(
        driver.application.load_aggregate(ManagedLink, id).properties.links.values()
    )
    assert driver.log.claims["slug", "big"] == id


def test_a_link_that_was_deleted_stays_deleted(driver: CommandDriver) -> None:
    """Only a log from before managed links were protected has one."""
    id = create(driver)
    [link_id, _] = driver.application.load_aggregate(ManagedLink, id).properties.links.values()
    link = driver.application.load_aggregate(Link, link_id).copy_with_events(())
    link.delete(driver.build_admin_context())
    driver.application.append_events(link)
    changes = {"host_ids": (driver.anna,), "name": "Big tour"}
    assert update(driver, id, **changes) == ["LinkUpdated", "ManagedLinkUpdated"]


def switch(driver: CommandDriver, id: UUID, on: bool) -> list[str]:
    """Enable or disable a managed link. Return the names of the events."""
    event_count = driver.count_events()
    driver.links.switch_managed_link(driver.build_context(role="manager"), id, on)
    return driver.log.list_event_names(since=event_count)


def test_a_link_that_was_disabled_alone_stays_disabled(driver: CommandDriver) -> None:
    """The events decide: a link is enabled again if it was disabled with its managed link, or added while that was."""
    id = create(driver)
    anna_link_id = driver.application.load_aggregate(ManagedLink, id).properties.links[driver.anna]
    driver.links.switch_link(driver.build_context(role="manager"), anna_link_id, on=False)
    assert switch(driver, id, on=False) == ["LinkDisabled", "ManagedLinkDisabled"]
    added = update(driver, id, host_ids=(driver.julio, driver.anna, driver.founder))
    assert added == ["LinkCreated", "LinkDisabled", "ManagedLinkUpdated"]
    assert switch(driver.start_other_process(), id, on=True) == ["LinkEnabled", "LinkEnabled", "ManagedLinkEnabled"]
    assert driver.application.load_aggregate(Link, anna_link_id).disabled
    assert switch(driver, id, on=True) == []
    driver.links.switch_link(driver.build_context(role="manager"), anna_link_id, on=True)
    assert switch(driver, id, on=False).count("LinkDisabled") == 3
    assert switch(driver, id, on=True).count("LinkEnabled") == 3


def test_is_refused(driver: CommandDriver) -> None:
    id = create(driver)
    with pytest.raises(VersionConflict):
        update(driver, id, version=2, name="Big tour")
    with pytest.raises(SlugTaken):
        update(driver, id, slug="intro")
    with pytest.raises(SlugTaken):
        create(driver, slug="intro")
    with pytest.raises(Invalid):
        update(driver, id, host_ids=(driver.julio, driver.julio))
    with pytest.raises(Invalid):
        update(driver, id, meeting_type_id=driver.julio)
    with pytest.raises(Forbidden):
        driver.links.update_managed_link(driver.build_context(), id, {"name": "Big tour"})
