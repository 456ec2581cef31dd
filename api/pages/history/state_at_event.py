"""What a link, a token, a person or a meeting type is at a moment, as facts with names that people read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.http.dependencies import Caller
from projections import links, managed_links, meeting_log, meeting_types, people, single_use_links
from projections.queries.query import Source

LEFT_OUT = {"id", "version", "erased", "booking_id", "single_use_id", "managed_link_id", "created_at", "updated_at"}
NAMES = {
    "in_library": "In the library",
    "starts_at": "Starts",
    "ends_at": "Ends",
    "booked_at": "Booked",
    "issued_at": "Issued",
    "expires_at": "Expires",
    "cancelled_at": "Cancelled",
    "previous_starts_at": "Started before it was moved",
    "single_use": "Single-use links",
    "owner": "Host",
}


@dataclass(frozen=True)
class Fact:
    """One thing that is said of a thing; `changed` by the event that is looked at."""

    name: str
    value: Any
    changed: bool


def standing(source: Source, id: UUID, now: datetime, viewer: Caller) -> dict[str, Any]:
    """What is said of whatever has this id at a source's moment; nothing of what is not there yet."""
    rows: list[Mapping[str, Any] | None] = [
        links.one(source, id, now),
        single_use_links.one(source, id, now),
        meeting_log.one(source, id),
        people.one(source, id),
        meeting_types.one(source, id),
        managed_links.one(source, id),
    ]
    found: dict[str, Any] = {}
    for row in rows:
        found |= said(row or {}, viewer)
    return found


def said(row: Mapping[str, Any], viewer: Caller) -> dict[str, Any]:
    """A row in words; what is empty, or only for admins, is left out."""
    hidden = LEFT_OUT if "admin" in viewer.context.roles else LEFT_OUT | {"busy_feed_url"}
    kept = {name: value for name, value in row.items() if name not in hidden}
    return {in_words(name): value for name, value in kept.items() if value not in (None, [], {}, "")}


def in_words(name: str) -> str:
    """`buffer_before_minutes` as `Buffer before minutes`, or better where there is a better word."""
    return NAMES.get(name) or name.replace("_", " ").capitalize()
