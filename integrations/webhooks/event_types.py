"""The types of webhooks, the event of the log that each of them is, and a sample of each."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

WebhookType = Literal[
    "booking.created",
    "booking.rescheduled",
    "booking.reassigned",
    "booking.cancelled",
    "booking.no_show",
    "single_use.issued",
    "single_use.revoked",
    "link.created",
    "link.updated",
    "link.disabled",
    "link.enabled",
    "link.deleted",
    "person.deactivated",
]
Details = Literal["ids", "full"]
EVENT_NAMES: Mapping[WebhookType, str] = {
    "booking.created": "MeetingBooked",
    "booking.rescheduled": "Rescheduled",
    "booking.reassigned": "MeetingReassigned",
    "booking.cancelled": "MeetingCancelled",
    "booking.no_show": "NoShowMarked",
    "single_use.issued": "SingleUseIssued",
    "single_use.revoked": "SingleUseRevoked",
    "link.created": "LinkCreated",
    "link.updated": "LinkUpdated",
    "link.disabled": "LinkDisabled",
    "link.enabled": "LinkEnabled",
    "link.deleted": "LinkDeleted",
    "person.deactivated": "PersonDeactivated",
}
TYPES = {name: type for type, name in EVENT_NAMES.items()}
BOOKING_ID, SINGLE_USE_ID = "0b2c7a5e-5d0f-5b0e-9c46-7d1f0a6f3b11", "5a1e1c34-0f5d-5c0b-8a55-1f7f3c2f9d22"
LINK_ID, PERSON_ID = "c3d94a0e-64a8-5a53-9d1c-2b7f1d4e6a33", "d4f0a7b2-2c11-5f8a-8e09-93b1c5a70e44"
MEETING_TYPE_ID = "e5b1c8d3-3d22-5a9b-9f1a-a4c2d6b81f55"
BOOKING: Mapping[str, Any] = {
    "booking_id": BOOKING_ID,
    "url": f"https://meet.example.com/meeting-log/{BOOKING_ID}",
    "status": "scheduled",
    "link_type": "standard",
    "link_id": LINK_ID,
    "single_use_id": None,
    "meeting_type_id": MEETING_TYPE_ID,
    "host_id": PERSON_ID,
    "co_host_ids": [],
    "team_id": None,
    "starts_at": "2027-01-18T09:00:00Z",
    "ends_at": "2027-01-18T09:30:00Z",
    "previous_starts_at": None,
    "cancelled_at": None,
    "cancelled_by": None,
    "issued_by_id": None,
    "replaces": None,
    "source": "web",
    "locale": "en",
}
SINGLE_USE: Mapping[str, Any] = {
    "single_use_id": SINGLE_USE_ID,
    "url": f"https://meet.example.com/links/{LINK_ID}/single-use/{SINGLE_USE_ID}",
    "status": "active",
    "link_id": LINK_ID,
    "meeting_type_id": MEETING_TYPE_ID,
    "issued_by_id": PERSON_ID,
    "issued_at": "2027-01-10T14:03:07.512000Z",
    "expires_at": "2027-02-10T14:03:07.512000Z",
    "only_recipient": False,
    "replaces": None,
    "source": "api",
}
LINK: Mapping[str, Any] = {
    "link_id": LINK_ID,
    "url": f"https://meet.example.com/links/{LINK_ID}",
    "status": "active",
    "kind": "standard",
    "owner_id": PERSON_ID,
    "co_host_ids": [],
    "meeting_type_id": MEETING_TYPE_ID,
    "team_id": None,
    "managed_link_id": None,
    "version": 1,
}
PERSON: Mapping[str, Any] = {"person_id": PERSON_ID, "url": f"https://meet.example.com/admin/people/{PERSON_ID}"}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "booking.rescheduled": {"status": "rescheduled", "previous_starts_at": "2027-01-17T09:00:00Z"},
    "booking.cancelled": {
        "status": "cancelled",
        "cancelled_at": "2027-01-12T08:00:00Z",
        "cancelled_by": "guest",
    },
    "booking.no_show": {"status": "no_show"},
    "single_use.revoked": {"status": "revoked"},
    "link.updated": {"version": 2},
    "link.disabled": {"status": "disabled", "version": 2},
    "link.enabled": {"version": 3},
    "link.deleted": {"status": "deleted", "version": 2},
}
SAMPLE_DATA = {"booking": BOOKING, "single_use": SINGLE_USE, "link": LINK, "person": PERSON}


def list_event_names(types: Iterable[str]) -> list[str]:
    """List the names of the events in the log that are of these types."""
    return [name for type, name in EVENT_NAMES.items() if type in set(types)]


def build_sample(type: WebhookType) -> dict[str, Any]:
    """Build what is sent for an event of this type, with the details `ids`."""
    data = {**SAMPLE_DATA[type.partition(".")[0]], **CHANGES.get(type, {})}
    stream_id = next(iter(data.values()))
    return {
        "id": f"{stream_id}-2",
        "type": type,
        "timestamp": "2027-01-10T14:03:07.512000Z",
        "position": 4711,
        "data": data,
    }
