"""Events as lines of an export: JSON lines and CSV."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

EVENT_COLUMNS = ("position", "recorded_at", "stream_id", "version", "type", "data")


def render_event_line(event: Mapping[str, Any]) -> str:
    """Render an event as JSON; its data is PostgreSQL's own text, which the log's tree hashes.

    An event from which a secret is withheld also has `leaf`, the hash of the whole event.
    """
    header = {name: event[name] for name in EVENT_COLUMNS if name != "data"}
    leaf = f',"leaf":"{event["leaf"]}"' if "leaf" in event else ""
    return f'{to_json_line(header)[:-2]},"data":{event["data"]}{leaf}}}\n'


def flatten_event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Flatten an event."""
    return {**event, "recorded_at": format_instant(event["recorded_at"])}


def to_json_line(value: Mapping[str, Any]) -> str:
    """Render one line of JSON."""
    return encode_json(value) + "\n"


def serialize_value(value: Any) -> str:
    """Serialize an instant or id for JSON."""
    return format_instant(value) if isinstance(value, datetime) else str(value)


def format_instant(value: datetime) -> str:
    """Format an instant in UTC, always with microseconds."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=serialize_value).encode
