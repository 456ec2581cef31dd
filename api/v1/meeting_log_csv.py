"""Rows of the meeting log without nesting, for CSV and Parquet."""

from typing import Any

from projections.columns import list_flat_types
from projections.meeting_log import MeetingRow

TYPES = list_flat_types(MeetingRow)
COLUMNS = tuple(TYPES)


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
