"""A managed link: made by a manager for several hosts, each of whom gets a core link of their own."""

from typing import Any
from uuid import UUID

from pydantic import Field

from domain.aggregate import Aggregate
from domain.event import Context, Event, IdempotentEvent, Instant, Properties

# What happened


class ManagedLinkProperties(Properties):
    """The properties of a managed link; `links` maps each host to the core link made for them."""

    name: str
    slug: str
    meeting_type_id: UUID
    host_ids: tuple[UUID, ...]
    expires_at: Instant | None = None
    created_by_id: UUID | None = None
    links: dict[UUID, UUID] = Field(default_factory=dict)


class ManagedLinkCreated(ManagedLinkProperties, IdempotentEvent, name="ManagedLinkCreated.v1"):
    """A managed link was created, with a core link for each host in the same append."""


class ManagedLinkUpdated(ManagedLinkProperties, Event, name="ManagedLinkUpdated.v1"):
    """A managed link was changed, and with it each host's link in the same append."""


class ManagedLink(Aggregate):
    """A managed link and its core link for each host."""

    properties: ManagedLinkProperties

    # What may happen

    @classmethod
    def create(
        cls, id: UUID, properties: ManagedLinkProperties, context: Context, **event_fields: Any
    ) -> "ManagedLink":
        """Creates a managed link."""
        managed_link = cls(id)
        managed_link.record_event(ManagedLinkCreated, context, **dict(properties), **event_fields)
        return managed_link

    def update(self, properties: ManagedLinkProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal."""
        if properties != self.properties:
            self.record_event(ManagedLinkUpdated, context, **dict(properties))

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, ManagedLinkProperties):
            self.properties = ManagedLinkProperties.from_event(event)
