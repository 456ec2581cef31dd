"""A managed link: what its events say, and where it stays silent."""

from typing import Any
from uuid import UUID

from domain.managed_link import ManagedLink, ManagedLinkProperties, ManagedLinkUpdated
from tests.domain.example import ANNA, JULIO, LINK, TYPE, at, happened, saved


def managed_link(**more: Any) -> ManagedLink:
    """A managed link with Julio as its only host."""
    given = {"name": "Demo", "slug": "demo", "meeting_type_id": TYPE, "host_ids": (JULIO,), "links": {JULIO: LINK}}
    properties = ManagedLinkProperties.model_validate({**given, **more})
    return saved(ManagedLink.create(UUID(int=9), properties, at()))


def test_an_update_says_every_property() -> None:
    managed = managed_link()
    managed.update(managed.properties.changed({"host_ids": (JULIO, ANNA)}), at())
    [event] = managed.collect_events()
    assert isinstance(event, ManagedLinkUpdated)
    assert (event.name, event.slug, event.host_ids, event.links) == ("Demo", "demo", (JULIO, ANNA), {JULIO: LINK})
    assert managed.properties.host_ids == (JULIO, ANNA)


def test_silent_when_nothing_changes() -> None:
    managed = managed_link()
    managed.update(managed.properties.changed({}), at())
    assert happened(managed) == []
