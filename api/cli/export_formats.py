"""What can be exported, and the formats: JSON lines, CSV or Parquet."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.http.csv import render_csv_lines
from api.v1.meeting_log_csv import TYPES, flatten_meeting
from projections.meeting_log import MeetingRow
from replay.export import EventExport, MeetingExport

FORMATS = ("jsonl", "csv", "parquet")


@dataclass(frozen=True)
class ExportKind:
    """A kind of export: where its rows come from, how to render and flatten one, column types, what to count by."""

    source: Callable[..., EventExport | MeetingExport]
    render_json_line: Callable[[Any], str]
    flatten: Callable[[Any], Mapping[str, Any]]
    types: Mapping[str, str]
    count_by: str

    def render_lines(self, rows: Iterable[Any], format: str) -> Iterator[str]:
        """Render the lines of an export; for Parquet, the lines it is converted from."""
        if format == "csv":
            return render_csv_lines(tuple(self.types), map(self.flatten, rows))
        return (self.render_flat_line(row) if format == "parquet" else self.render_json_line(row) for row in rows)

    def render_flat_line(self, row: Any) -> str:
        """Render a row as flat JSON."""
        flat = self.flatten(row)
        return to_json_line({column: flat.get(column) for column in self.types})


def render_event_line(event: Mapping[str, Any]) -> str:
    """Render an event as JSON; its data is PostgreSQL's own text, which the log's tree hashes."""
    header = {name: event[name] for name in ("position", "recorded_at", "stream_id", "version", "type")}
    return f'{to_json_line(header)[:-2]},"data":{event["data"]}}}\n'


def flatten_event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Flatten an event."""
    return {**event, "recorded_at": format_instant(event["recorded_at"])}


def render_meeting_line(row: Mapping[str, Any]) -> str:
    """Render a row of the meeting log as the API does."""
    return to_json_line({name: row[name] for name in MeetingRow.__annotations__})


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
PARQUET_TYPES = {datetime: "TIMESTAMPTZ", int: "INTEGER", bool: "BOOLEAN"}
EVENT_TYPES = {
    "position": "BIGINT",
    "recorded_at": "TIMESTAMPTZ",
    "stream_id": "VARCHAR",
    "version": "INTEGER",
    "type": "VARCHAR",
    "data": "VARCHAR",
}
KINDS = {
    "events": ExportKind(EventExport, render_event_line, flatten_event, EVENT_TYPES, "type"),
    "meeting-log": ExportKind(
        MeetingExport,
        render_meeting_line,
        flatten_meeting,
        {name: PARQUET_TYPES.get(type, "VARCHAR") for name, type in TYPES.items()},
        "status",
    ),
}
