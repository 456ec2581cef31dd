"""A managed link: what its events say, and where it stays silent."""

from typing import Any
from uuid import UUID

from domain.managed_link import ManagedLink, ManagedLinkProperties, ManagedLinkUpdated
from tests.domain.example import ANNA, JULIO, LINK, TYPE, build_context, list_event_types, mark_saved


def create_managed_link(**more: Any) -> ManagedLink:
    """A managed link with Julio as its only host."""
    values = {"name": "Demo", "slug": "demo", "meeting_type_id": TYPE, "host_ids": (JULIO,), "links": {JULIO: LINK}}
    properties = ManagedLinkProperties.model_validate({**values, **more})
    return mark_saved(ManagedLink.create(UUID(int=9), properties, build_context()))


def test_an_update_says_every_property() -> None:
    managed = create_managed_link()
    managed.update(managed.properties.apply_changes({"host_ids": (JULIO, ANNA)}), build_context())
    [event] = managed.collect_events()
    assert isinstance(event, ManagedLinkUpdated)
    assert (event.name, event.slug, event.host_ids, event.links) == ("Demo", "demo", (JULIO, ANNA), {JULIO: LINK})
    assert managed.properties.host_ids == (JULIO, ANNA)


def test_silent_when_nothing_changes() -> None:
    managed = create_managed_link()
    managed.update(managed.properties.apply_changes({}), build_context())
    assert list_event_types(managed) == []
