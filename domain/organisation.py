"""The organisation: its name, contact and policies. There is one for each installation."""

from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Context, Event, Properties

ORGANISATION_ID = uuid5(NAMESPACE_URL, "urn:oncelink:organisation")  # of its one stream, in every installation
ReplacementPolicy = Literal["manual", "host_cancelled", "off"]
CalendarChangePolicy = Literal["tell", "follow", "ignore"]

# What happened


class OrganisationProperties(Properties):
    """The properties of the organisation.

    `default_locale` is a language tag (BCP 47). `replacement` says when the guest of a meeting that fell through gets a
    new single-use link, `calendar_changes` what becomes of a meeting whose entry somebody changes in a calendar.
    Guests' details are erased `retention_months` after their meeting ended; None keeps them.
    """

    name: str = "Oncelink"
    time_zone: str = "UTC"
    default_locale: str = "en"
    support_contact: str | None = None
    privacy_url: str | None = None
    imprint_url: str | None = None
    replacement: ReplacementPolicy = "manual"
    calendar_changes: CalendarChangePolicy = "tell"
    retention_months: int | None = None


class OrganisationUpdated(OrganisationProperties, Event, name="OrganisationUpdated.v1"):
    """The organisation was changed; the payload has every property after the change. The first begins the stream."""


class Organisation(Aggregate):
    """The organisation. Before it was ever changed it has version 0, and the properties that it is created with."""

    def __init__(self, id: UUID = ORGANISATION_ID, properties: OrganisationProperties | None = None) -> None:
        super().__init__(id)
        self.properties = properties or OrganisationProperties()

    # What may happen

    def update(self, properties: OrganisationProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal."""
        if properties != self.properties:
            self.record_event(OrganisationUpdated, context, **dict(properties))

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, OrganisationUpdated):
            self.properties = OrganisationProperties.from_event(event)
