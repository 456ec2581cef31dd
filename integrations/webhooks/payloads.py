"""The body of a webhook: the thing as it stood at the event's position, in ids, or with the details that it has now."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from integrations.webhooks.event_types import TYPES
from projections import links, meeting_log, people, single_use_links
from projections.queries.query import QuerySource

PERSONAL_OF_BOOKING = ("guest", "notes", "answers", "recipient", "label", "metadata", "cancel_reason", "erased")
NAMED_OF_BOOKING = ("link", "meeting_type", "host", "co_hosts", "team", "issued_by")
PLAIN_OF_BOOKING = ("starts_at", "ends_at", "previous_starts_at", "cancelled_at", "cancelled_by")
PERSONAL_OF_SINGLE_USE = ("recipient", "label", "metadata", "erased", "link", "meeting_type", "issued_by")
NAMED_OF_LINK = ("name", "slug", "owner", "co_hosts", "meeting_type", "team")


class PayloadBuilder:
    """Builds bodies. `get_source_as_of` returns a source that folds the log until a position."""

    def __init__(self, get_source_as_of: Callable[[int], QuerySource], base_url: str) -> None:
        self.get_source_as_of = get_source_as_of
        self.base_url = base_url

    def build_body(self, event: Mapping[str, Any], details: str) -> bytes:
        """Build the body of an event: position, stream_id, version, name and occurred_at. Raises DatabaseAway."""
        type = TYPES[event["name"]]
        body = {
            "id": build_event_id(event),
            "type": type,
            "timestamp": event["occurred_at"],
            "position": event["position"],
            "data": self.build_data(type, event, details == "full"),
        }
        return to_json(body)

    def build_data(self, type: str, event: Mapping[str, Any], full: bool) -> dict[str, Any]:
        """Build what is told of the thing. Personal details are read now, so erased ones are None."""
        source, id = self.get_source_as_of(event["position"]), event["stream_id"]
        kind = type.partition(".")[0]
        if kind == "booking":
            return self.build_booking(source, id, full)
        now = datetime.fromisoformat(event["occurred_at"])
        if kind == "single_use":
            return self.build_single_use(source, id, now, full)
        return self.build_link(source, id, now, full) if kind == "link" else self.build_person(source, id, full)

    def build_booking(self, source: QuerySource, id: UUID, full: bool) -> dict[str, Any]:
        """Build the data of a booking."""
        row: Any = meeting_log.find_meeting(source, id)
        data = {
            "booking_id": id,
            "url": f"{self.base_url}/meeting-log/{id}",
            "status": row["status"],
            "link_type": row["link_type"],
            "link_id": row["link"]["id"],
            "single_use_id": row["single_use_id"],
            "meeting_type_id": row["meeting_type"]["id"],
            "host_id": row["host"]["id"],
            "co_host_ids": [person["id"] for person in row["co_hosts"]],
            "team_id": find_id(row["team"]),
            **{name: row[name] for name in PLAIN_OF_BOOKING},
            "issued_by_id": find_id(row["issued_by"]),
            **{name: row[name] for name in ("replaces", "source", "locale")},
        }
        return data | ({name: row[name] for name in (*NAMED_OF_BOOKING, *PERSONAL_OF_BOOKING)} if full else {})

    def build_single_use(self, source: QuerySource, id: UUID, now: datetime, full: bool) -> dict[str, Any]:
        """Build the data of a single-use link, without the code that books."""
        row: Any = single_use_links.find_single_use_link(source, id, now)
        data = {
            "single_use_id": id,
            "url": f"{self.base_url}/links/{row['link']['id']}/single-use/{id}",
            "status": row["status"],
            "link_id": row["link"]["id"],
            "meeting_type_id": row["meeting_type"]["id"],
            "issued_by_id": row["issued_by"]["id"],
            **{name: row[name] for name in ("issued_at", "expires_at", "only_recipient", "replaces", "source")},
        }
        return data | ({name: row[name] for name in PERSONAL_OF_SINGLE_USE} if full else {})

    def build_link(self, source: QuerySource, id: UUID, now: datetime, full: bool) -> dict[str, Any]:
        """Build the data of a core link."""
        row: Any = links.find_link(source, id, now)
        data = {
            "link_id": id,
            "url": f"{self.base_url}/links/{id}",
            "status": row["status"],
            "kind": row["kind"],
            "owner_id": row["owner"]["id"],
            "co_host_ids": [person["id"] for person in row["co_hosts"]],
            "meeting_type_id": row["meeting_type"]["id"],
            **{name: row[name] for name in ("team_id", "managed_link_id", "version")},
        }
        return data | ({name: row[name] for name in NAMED_OF_LINK} if full else {})

    def build_person(self, source: QuerySource, id: UUID, full: bool) -> dict[str, Any]:
        """Build the data of a person of the organisation."""
        data: dict[str, Any] = {"person_id": id, "url": f"{self.base_url}/admin/people/{id}"}
        if not full:
            return data
        row: Any = people.find_person(source, id)
        return data | {"name": row["name"], "email": row["email"]}


def build_event_id(event: Mapping[str, Any]) -> str:
    """Build the id of an event: that of its stream and its version there, without a full stop."""
    return f"{event['stream_id']}-{event['version']}"


def find_id(thing: Mapping[str, Any] | None) -> UUID | None:
    """Find the id of a thing with a name, or None."""
    return thing["id"] if thing else None
