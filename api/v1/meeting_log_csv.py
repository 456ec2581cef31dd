"""Rows of the meeting log without nesting, for CSV and Parquet."""

from typing import Any

from projections.meeting_log import MeetingRow

COLUMNS = (
    *("booking_id", "booked_at", "status", "link_type", "link_id", "link_name", "single_use_id"),
    *("recipient_name", "recipient_email", "label", "meeting_type_id", "meeting_type_name"),
    *("host_id", "host_name", "co_hosts", "guest_name", "guest_email", "guest_time_zone"),
    *("starts_at", "ends_at", "reschedule_count", "previous_starts_at", "cancelled_at", "cancelled_by"),
    *("cancel_reason", "issued_by_id", "issued_by_name", "issued_at", "source", "erased"),
)


def flatten_meeting(row: MeetingRow) -> dict[str, Any]:
    """Flatten a row: `link` becomes `link_id`, `link_name` and so on."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}_{key}": item for key, item in value.items()}
        elif isinstance(value, list):
            flat[name] = "; ".join(str(item["name"]) for item in value)
        else:
            flat[name] = value
    return flat
