"""The state of a link, a token, a person or a meeting type at a point in the log, with readable labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.http.dependencies import Caller
from domain.durations import describe_each
from projections import links, managed_links, meeting_log, meeting_types, people, single_use_links
from projections.queries.query import QuerySource

OMITTED_FIELDS = {
    "id",
    "version",
    "erased",
    "booking_id",
    "single_use_id",
    "managed_link_id",
    "created_at",
    "updated_at",
}
LABELS = {
    "in_library": "In the library",
    "starts_at": "Starts",
    "ends_at": "Ends",
    "booked_at": "Booked",
    "issued_at": "Issued",
    "expires_at": "Expires",
    "cancelled_at": "Cancelled",
    "no_show_at": "Marked as a no-show",
    "previous_starts_at": "Started before it was moved",
    "single_use": "Single-use links",
    "owner": "Host",
}


@dataclass(frozen=True)
class StateField:
    """One labelled field of a state; `changed` tells whether the selected event changed it."""

    name: str
    value: Any
    changed: bool


def describe_state(source: QuerySource, id: UUID, now: datetime, viewer: Caller) -> dict[str, Any]:
    """Return the state of whatever has this id, by label, as the source has it; empty if it does not exist yet."""
    rows: list[Mapping[str, Any] | None] = [
        links.find_link(source, id, now),
        single_use_links.find_single_use_link(source, id, now),
        meeting_log.find_meeting(source, id),
        people.find_person(source, id),
        meeting_types.find_meeting_type(source, id),
        managed_links.find_managed_link(source, id, now),
    ]
    state: dict[str, Any] = {}
    for row in rows:
        state |= describe_row(row or {}, viewer)
    return state


def describe_row(row: Mapping[str, Any], viewer: Caller) -> dict[str, Any]:
    """Return a row's values by label, without empty ones and without those only admins may see."""
    hidden_fields = OMITTED_FIELDS if "admin" in viewer.context.roles else OMITTED_FIELDS | {"busy_feed_url"}
    visible = {name: value for name, value in row.items() if name not in hidden_fields}
    return {
        format_label(name): describe_each(value) if name.endswith("_minutes") else value
        for name, value in visible.items()
        if value not in (None, [], {}, "")
    }


def format_label(name: str) -> str:
    """Return a label: `buffer_before_minutes` becomes `Buffer before`, unless LABELS has a better one."""
    return LABELS.get(name) or name.removesuffix("_minutes").replace("_", " ").capitalize()
