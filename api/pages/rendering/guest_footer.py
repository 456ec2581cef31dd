"""What the foot of a guest's page says of the organisation: its name, how to reach it, its notices."""

import re
from dataclasses import dataclass

from api.services import Services
from domain.organisation import ORGANISATION_ID, Organisation, OrganisationProperties
from store.database import DatabaseAway

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
PHONE = re.compile(r"\+?[\d ()/.-]{5,}")


@dataclass(frozen=True, slots=True)
class GuestFooter:
    """The foot of a guest's page. `contact_url` opens the contact, None where it is only to be read."""

    name: str
    contact: str | None
    contact_url: str | None
    privacy_url: str | None
    imprint_url: str | None


def load_guest_footer(services: Services) -> GuestFooter:
    """Load the foot; while the database is away, the organisation as this process saw it last."""
    try:
        properties = services.organisation.load_organisation().properties
    except DatabaseAway:  # the page itself says so
        cached = services.aggregate_cache.find_aggregate(ORGANISATION_ID)
        properties = cached.properties if isinstance(cached, Organisation) else services.organisation.defaults
    return build_guest_footer(properties)


def build_guest_footer(properties: OrganisationProperties) -> GuestFooter:
    """Build the foot of an organisation with these properties."""
    contact = properties.support_contact
    return GuestFooter(
        properties.name, contact, find_contact_url(contact or ""), properties.privacy_url, properties.imprint_url
    )


def find_contact_url(contact: str) -> str | None:
    """Find the URL that opens a contact: an e-mail address, a web address or a phone number; None for other words."""
    if EMAIL.fullmatch(contact):
        return f"mailto:{contact}"
    if re.match(r"https?://", contact):
        return contact
    return f"tel:{re.sub(r'[^+0-9]', '', contact)}" if PHONE.fullmatch(contact) else None
