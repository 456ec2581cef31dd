"""The rows of the history: an event as it is stored, and as the API answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.rows import DictRow

HIDDEN = "hidden"
Change = TypedDict("Change", {"field": str, "from": Any, "to": Any})


class ActorRow(TypedDict):
    """Who caused an event. The name is the one that a person had then."""

    kind: str
    id: UUID | None
    name: str | None


class HistoryRow(TypedDict):
    """An event, as the API answers.

    `details` are the personal details that it refers to; `erased`: they were erased.
    """

    position: int
    recorded_at: datetime
    occurred_at: datetime | None
    stream_id: UUID
    version: int
    type: str
    actor: ActorRow
    request_id: str | None
    source: str | None
    sentence: str
    changes: list[Change]
    details: dict[str, Any] | None
    erased: bool
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogRow:
    """An event as it is stored. Another program may have written it, so nothing of its data is certain.

    `before` is the data of the earlier event whose values it changes.
    """

    position: int
    recorded_at: datetime
    stream_id: UUID
    version: int
    type: str
    data: Mapping[str, Any]
    before: Mapping[str, Any]

    @classmethod
    def from_record(cls, row: DictRow) -> "LogRow":
        """A row from a record of the log."""
        before = to_object(row["before"])
        converted_values = {
            "recorded_at": row["recorded_at"].astimezone(UTC),
            "data": to_object(row["data"]),
            "before": before,
        }
        return cls(**{**row, **converted_values})

    @property
    def name(self) -> str:
        """The event's name, without its version."""
        return self.type.split(".")[0]

    @property
    def actor(self) -> Mapping[str, Any]:
        """The actor of the event, as stored."""
        return to_object(self.data.get("actor"))

    @property
    def actor_id(self) -> UUID | None:
        """The id of the actor; None when it has none."""
        return to_id(self.actor.get("id"))


def to_object(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def to_id(value: object) -> UUID | None:
    """An id from its JSON; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def to_ids(value: object) -> list[UUID]:
    """The ids in a JSON list; other items are left out."""
    ids = map(to_id, value) if isinstance(value, list) else ()
    return [id for id in ids if id is not None]


def to_instant(value: object) -> datetime | None:
    """An instant from its JSON, in UTC; None for anything else."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def to_text(value: object) -> str | None:
    """A text from its JSON; None for anything else."""
    return value if isinstance(value, str) else None


def redact_busy_feed(row: HistoryRow) -> dict[str, Any]:
    """Hide the secret busy_feed_url in an event: in its data and in its changes."""
    if "busy_feed_url" not in row["data"]:
        return dict(row)
    secret = {"from": HIDDEN, "to": HIDDEN}
    changes = [{**change, **secret} if change["field"] == "busy_feed_url" else change for change in row["changes"]]
    return {**row, "data": {**row["data"], "busy_feed_url": None}, "changes": changes}
