"""The absences of hosts as guests read them, with the booking page of a colleague."""

from datetime import date, datetime
from uuid import UUID

from typing_extensions import TypedDict

from api.services import Services
from domain.availability.hours import load_zone
from domain.link import Link
from domain.offer import LinkOffer
from domain.person import Person


class InsteadLink(TypedDict):
    """The booking page of the colleague who stands in."""

    name: str
    url: str


HostAbsence = TypedDict(
    "HostAbsence", {"name": str, "from": date, "to": date, "message": str | None, "instead": InsteadLink | None}
)
"""A time away of the host of this name, both days included; `instead` only while that link can be booked by itself."""


def list_host_absences(services: Services, offer: LinkOffer, now: datetime) -> list[HostAbsence]:
    """List the absences of the hosts within the days that can be booked, by their first day.

    Those of a team's members are left out: who of them takes part is said once a meeting is booked.
    """
    until = now + offer.meeting_type.properties.rules.booking_window
    absences = []
    for host in offer.hosts:
        zone = load_zone(host.properties.time_zone)
        first, last = (instant.astimezone(zone).date().isoformat() for instant in (now, until))
        within = [away for away in host.properties.absences if away.last_day >= first and away.first_day <= last]
        absences += [(host.properties.name, away) for away in within]
    instead_ids = {away.instead_link_id for _, away in absences if away.instead_link_id} - {offer.link.id}
    instead_links = load_instead_links(services, instead_ids, now)
    listed: list[HostAbsence] = [
        {
            "name": name,
            "from": date.fromisoformat(away.first_day),
            "to": date.fromisoformat(away.last_day),
            "message": away.message,
            "instead": instead_links.get(away.instead_link_id) if away.instead_link_id else None,
        }
        for name, away in absences
    ]
    return sorted(listed, key=lambda absence: (absence["from"], absence["to"]))


def load_instead_links(services: Services, ids: set[UUID], now: datetime) -> dict[UUID, InsteadLink]:
    """Load those of these links that anybody can book now, by id, with the name of their host."""
    if not ids:
        return {}
    aggregates = services.links.load_aggregates(ids).values()
    links = [link for link in aggregates if isinstance(link, Link) and link.get_status(now) == "active"]
    open_links = [link for link in links if not link.properties.single_use_only]
    people = services.links.load_aggregates({id for link in open_links for id in link.host_ids})
    instead_links: dict[UUID, InsteadLink] = {}
    for link in open_links:
        hosts = [person for id in link.host_ids if isinstance(person := people.get(id), Person)]
        if all(host.active for host in hosts):
            url = f"{services.settings.base_url}/book/{link.properties.slug}"
            instead_links[link.id] = {"name": hosts[0].properties.name, "url": url}
    return instead_links
