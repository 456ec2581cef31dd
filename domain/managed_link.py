"""A managed link: made by a manager for several hosts, each of whom gets a core link of their own."""

from typing import Any
from uuid import UUID

from pydantic import Field

from domain.aggregate import Aggregate
from domain.event import Context, Event, IdempotentEvent, Instant, Properties
from domain.link import SECOND_VERSION
from domain.refusals import LinkDeleted

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
    single_use_only: bool = False
    default_lifetime_days: int | None = None
    team_id: UUID | None = None


class ManagedLinkCreated(
    ManagedLinkProperties,
    IdempotentEvent,
    name="ManagedLinkCreated.v1",
    later={"ManagedLinkCreated.v2": SECOND_VERSION},
):
    """A managed link was created, with a core link for each host in the same append."""


class ManagedLinkUpdated(
    ManagedLinkProperties, Event, name="ManagedLinkUpdated.v1", later={"ManagedLinkUpdated.v2": SECOND_VERSION}
):
    """A managed link was changed, and with it each host's link in the same append."""


class ManagedLinkDisabled(Event, name="ManagedLinkDisabled.v1"):
    """A managed link was switched off, and with it each host's link in the same append."""


class ManagedLinkEnabled(Event, name="ManagedLinkEnabled.v1"):
    """A managed link was switched on again, in the same append as each host's link that was not disabled alone."""


class ManagedLinkDeleted(Event, name="ManagedLinkDeleted.v1"):
    """A managed link was deleted, and with it each host's link in the same append; booked meetings stay."""


class ManagedLink(Aggregate):
    """A managed link and its core link for each host."""

    properties: ManagedLinkProperties
    disabled_in: str | None = None  # the id of the request that disabled it, while it is disabled
    deleted: bool = False

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
        """Replaces the properties. Records nothing when they are equal. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if properties != self.properties:
            self.record_event(ManagedLinkUpdated, context, **dict(properties))

    def disable(self, context: Context) -> None:
        """Disables the managed link. Records nothing when it is disabled already. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if not self.disabled:
            self.record_event(ManagedLinkDisabled, context)

    def enable(self, context: Context) -> None:
        """Enables the managed link. Records nothing when it is enabled already. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if self.disabled:
            self.record_event(ManagedLinkEnabled, context)

    @property
    def disabled(self) -> bool:
        """Whether it is switched off."""
        return self.disabled_in is not None

    def delete(self, context: Context) -> None:
        """Deletes the managed link for good. Records nothing when it is deleted already."""
        if not self.deleted:
            self.record_event(ManagedLinkDeleted, context)

    def refuse_if_deleted(self) -> None:
        """Passes only if the managed link is not deleted. Raises LinkDeleted."""
        if self.deleted:
            raise LinkDeleted

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, ManagedLinkProperties):
            self.properties = ManagedLinkProperties.from_event(event)
        elif isinstance(event, ManagedLinkDisabled):
            self.disabled_in = event.request_id
        elif isinstance(event, ManagedLinkEnabled):
            self.disabled_in = None
        elif isinstance(event, ManagedLinkDeleted):
            self.deleted = True
