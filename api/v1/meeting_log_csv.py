"""Rows of the meeting log without nesting, for CSV and Parquet."""

import json
from typing import Any

from projections.columns import list_flat_types
from projections.meeting_log import MeetingRow

TYPES = list_flat_types(MeetingRow)
COLUMNS = tuple(TYPES)
JSON_FIELDS = frozenset({"metadata", "answers"})


def flatten_meeting(row: MeetingRow) -> dict[str, Any]:
    """Flatten a row: `link` becomes `link_id`, `link_name` and so on; metadata and answers become JSON."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in JSON_FIELDS:
            flat[name] = json.dumps(value, ensure_ascii=False) if value else None
        elif isinstance(value, dict):
            flat |= {f"{name}_{key}": item for key, item in value.items()}
        elif isinstance(value, list):
            flat[name] = "; ".join(str(item["name"]) for item in value)
        else:
            flat[name] = value
    return flat
