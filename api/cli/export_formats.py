"""What can be exported, and as what: JSON lines, CSV or Parquet."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.http.csv import csv_lines
from api.v1.meeting_log_csv import COLUMNS, flattened
from api.v1.response_models import Meeting
from replay.export import Events, Meetings

FORMATS = ("jsonl", "csv", "parquet")


@dataclass(frozen=True)
class Kind:
    """Something to export: where its rows come from, a row as JSON, as flat cells, their types, what to count by."""

    source: Callable[..., Events | Meetings]
    json_line: Callable[[Any], str]
    flat: Callable[[Any], Mapping[str, Any]]
    types: Mapping[str, str]
    counted_by: str

    def lines(self, rows: Iterable[Any], format: str) -> Iterator[str]:
        """The text of an export; for Parquet, what it is made from."""
        if format == "csv":
            return csv_lines(tuple(self.types), map(self.flat, rows))
        return (self.flat_line(row) if format == "parquet" else self.json_line(row) for row in rows)

    def flat_line(self, row: Any) -> str:
        """A row as JSON with nothing nested."""
        flat = self.flat(row)
        return as_json({column: flat.get(column) for column in self.types})


def event_line(event: Mapping[str, Any]) -> str:
    """An event as JSON, its data spelled as PostgreSQL spells it: that is what the log's tree is made of."""
    head = {name: event[name] for name in ("position", "recorded_at", "stream_id", "version", "type")}
    return f'{as_json(head)[:-2]},"data":{event["data"]}}}\n'


def event_cells(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event without anything nested."""
    return {**event, "recorded_at": instant(event["recorded_at"])}


def meeting_line(row: Mapping[str, Any]) -> str:
    """A row of the meeting log as the API answers it."""
    return as_json({name: row[name] for name in Meeting.model_fields})


def as_json(value: Mapping[str, Any]) -> str:
    """One line of JSON."""
    return encoded(value) + "\n"


def plain(value: Any) -> str:
    """Instants and ids as JSON has them."""
    return instant(value) if isinstance(value, datetime) else str(value)


def instant(value: datetime) -> str:
    """An instant in UTC, always with its microseconds."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def type_of(column: str) -> str:
    """The type of a column of the meeting log in Parquet."""
    if column.endswith("_at"):
        return "TIMESTAMPTZ"
    return {"reschedule_count": "INTEGER", "erased": "BOOLEAN"}.get(column, "VARCHAR")


encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=plain).encode
EVENT_TYPES = {
    "position": "BIGINT",
    "recorded_at": "TIMESTAMPTZ",
    "stream_id": "VARCHAR",
    "version": "INTEGER",
    "type": "VARCHAR",
    "data": "VARCHAR",
}
KINDS = {
    "events": Kind(Events, event_line, event_cells, EVENT_TYPES, "type"),
    "meeting-log": Kind(Meetings, meeting_line, flattened, {name: type_of(name) for name in COLUMNS}, "status"),
}
