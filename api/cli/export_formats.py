"""What can be exported, and the formats: JSON lines, CSV or Parquet."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.http.csv import render_csv_lines
from api.http.event_lines import flatten_event, render_event_line, to_json_line
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


def render_meeting_line(row: Mapping[str, Any]) -> str:
    """Render a row of the meeting log as the API does."""
    return to_json_line({name: row[name] for name in MeetingRow.__annotations__})


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
