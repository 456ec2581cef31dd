"""A link: a reusable booking link, and the core that its single-use links follow live."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from domain import refusals
from domain.aggregate import Aggregate
from domain.event import Context, Event, IdempotentEvent, Instant, Properties

LinkKind = Literal["standard", "managed"]
LinkStatus = Literal["active", "disabled", "expired", "deleted"]

# What happened


class LinkProperties(Properties):
    """The properties of a link. `owner_id` is its host, for life.

    `single_use_only`: its own URL books nothing. Single-use links of it expire `default_lifetime_days` after their
    issue. With a `team_id`, one free member of the team joins the hosts.
    """

    kind: LinkKind
    name: str
    slug: str
    owner_id: UUID
    co_host_ids: tuple[UUID, ...] = ()
    meeting_type_id: UUID
    expires_at: Instant | None = None
    in_library: bool = False
    managed_link_id: UUID | None = None
    single_use_only: bool = False
    default_lifetime_days: int | None = None
    team_id: UUID | None = None


SECOND_VERSION = ("single_use_only", "default_lifetime_days", "team_id")


class LinkCreated(LinkProperties, IdempotentEvent, name="LinkCreated.v1", later={"LinkCreated.v2": SECOND_VERSION}):
    """A link was published."""


class LinkUpdated(LinkProperties, Event, name="LinkUpdated.v1", later={"LinkUpdated.v2": SECOND_VERSION}):
    """A link was changed; the payload has every property after the change."""


class LinkDisabled(Event, name="LinkDisabled.v1"):
    """A link was switched off."""


class LinkEnabled(Event, name="LinkEnabled.v1"):
    """A link was switched on again."""


class LinkDeleted(Event, name="LinkDeleted.v1"):
    """A link was deleted; booked meetings stay, unused single-use links of it stop working."""


class Link(Aggregate):
    """A link. Its status is computed, not stored: expiry depends on the instant."""

    properties: LinkProperties
    created_in: str = ""  # the id of the request that created it
    disabled_in: str | None = None  # and of the one that disabled it, while it is disabled
    deleted: bool = False

    # What may happen

    @classmethod
    def create(cls, id: UUID, properties: LinkProperties, context: Context, **event_fields: Any) -> "Link":
        """Creates an enabled link."""
        link = cls(id)
        link.record_event(LinkCreated, context, **dict(properties), **event_fields)
        return link

    def update(self, properties: LinkProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if properties != self.properties:
            self.record_event(LinkUpdated, context, **dict(properties))

    def disable(self, context: Context) -> None:
        """Disables the link. Records nothing when it is disabled already. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if not self.disabled:
            self.record_event(LinkDisabled, context)

    def enable(self, context: Context) -> None:
        """Enables the link. Records nothing when it is enabled already. Raises LinkDeleted."""
        self.refuse_if_deleted()
        if self.disabled:
            self.record_event(LinkEnabled, context)

    def delete(self, context: Context) -> None:
        """Deletes the link for good. Records nothing when it is deleted already."""
        if not self.deleted:
            self.record_event(LinkDeleted, context)

    @property
    def disabled(self) -> bool:
        """Whether it is switched off."""
        return self.disabled_in is not None

    def is_disabled_alone(self, managed_disabled_in: str | None) -> bool:
        """Whether it was disabled by itself, not in the request that disabled its managed link or added its host."""
        return self.disabled and self.disabled_in not in (managed_disabled_in, self.created_in)

    def get_status(self, now: datetime) -> LinkStatus:
        """Returns the status at an instant. Deleted comes before disabled, disabled before expired."""
        if self.deleted:
            return "deleted"
        if self.disabled:
            return "disabled"
        if self.properties.expires_at is not None and self.properties.expires_at <= now:
            return "expired"
        return "active"

    def compute_expiry(self, issued_at: datetime, own_expiry: datetime | None) -> datetime | None:
        """Returns when a single-use link of it expires: by itself, by the lifetime or with the link, the earliest."""
        days = self.properties.default_lifetime_days
        instants = (own_expiry, add_lifetime(issued_at, days), self.properties.expires_at)
        return min((instant for instant in instants if instant is not None), default=None)

    def refuse_if_closed(self, now: datetime) -> None:
        """Passes only if the link is active. Raises LinkDeleted, LinkDisabled or LinkExpired."""
        refusal = {
            "deleted": refusals.LinkDeleted,
            "disabled": refusals.LinkDisabled,
            "expired": refusals.LinkExpired,
        }.get(self.get_status(now))
        if refusal is not None:
            raise refusal

    def refuse_direct_booking(self) -> None:
        """Passes only if the link's own URL books too. Raises LinkSingleUseOnly."""
        if self.properties.single_use_only:
            raise refusals.LinkSingleUseOnly

    def refuse_if_deleted(self) -> None:
        """Passes only if the link is not deleted. Raises LinkDeleted."""
        if self.deleted:
            raise refusals.LinkDeleted

    @property
    def host_ids(self) -> tuple[UUID, ...]:
        """The people whose time a booking takes: the host first, then the co-hosts."""
        return (self.properties.owner_id, *self.properties.co_host_ids)

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, LinkProperties):
            self.properties = LinkProperties.from_event(event)
            if isinstance(event, LinkCreated):
                self.created_in = event.request_id
        elif isinstance(event, LinkDisabled):
            self.disabled_in = event.request_id
        elif isinstance(event, LinkEnabled):
            self.disabled_in = None
        elif isinstance(event, LinkDeleted):
            self.deleted = True


def add_lifetime(issued_at: datetime, days: int | None) -> datetime | None:
    """Returns the end of a lifetime of so many days of 24 hours; None without one."""
    return None if days is None else issued_at + timedelta(days=days)
