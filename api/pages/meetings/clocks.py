"""The clocks of a meeting: a change of it is shown in the zone of each person whom it concerns."""

from dataclasses import dataclass
from typing import Any

from api.http.dependencies import Caller
from domain.person import Person


@dataclass(frozen=True)
class Clock:
    """A zone, and whose it is: the names of people, and whether it is also the viewer's."""

    zone: str
    people: list[str]
    is_viewers: bool


def list_clocks(viewer: Caller, host: Person, meeting: Any) -> list[Clock]:
    """Return the clocks of a meeting's host, its guest and the viewer; people in one zone share one."""
    names_by_zone: dict[str, list[str]] = {host.properties.time_zone: [host.properties.name]}
    if meeting["guest"]:
        names_by_zone.setdefault(meeting["guest"]["time_zone"], []).append(meeting["guest"]["name"])
    viewers_zone = viewer.person.properties.time_zone if viewer.person.id != host.id else None
    if viewers_zone:
        names_by_zone.setdefault(viewers_zone, [])
    return [Clock(zone, names, zone == viewers_zone) for zone, names in names_by_zone.items()]
