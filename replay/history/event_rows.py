"""What the history is made of: an event as it is stored, and as it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.rows import DictRow

Change = TypedDict("Change", {"field": str, "from": Any, "to": Any})


class ActorRow(TypedDict):
    """Who caused an event; the name is the one that a person had then."""

    kind: str
    id: UUID | None
    name: str | None


class HistoryRow(TypedDict):
    """An event, as the API answers.

    `details` are the personal details that it refers to, `erased` says that they are no more.
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
    """An event as it is stored. It may be one that no program of ours has written, so nothing of its data is certain.

    `before` is the data of the event that it changes something of.
    """

    position: int
    recorded_at: datetime
    stream_id: UUID
    version: int
    type: str
    data: Mapping[str, Any]
    before: Mapping[str, Any]

    @classmethod
    def read(cls, row: DictRow) -> "LogRow":
        """A record of the log."""
        before = as_object(row["before"])
        known = {"recorded_at": row["recorded_at"].astimezone(UTC), "data": as_object(row["data"]), "before": before}
        return cls(**{**row, **known})

    @property
    def name(self) -> str:
        """The event's name, without its version."""
        return self.type.split(".")[0]

    def id(self, field: str) -> UUID | None:
        """An id in the payload."""
        return as_id(self.data.get(field))

    def ids(self, field: str) -> list[UUID]:
        """A list of ids in the payload."""
        return as_ids(self.data.get(field))

    @property
    def actor(self) -> Mapping[str, Any]:
        """Who caused it, as stored."""
        return as_object(self.data.get("actor"))

    @property
    def actor_id(self) -> UUID | None:
        """Who caused it, where that is said."""
        return as_id(self.actor.get("id"))


def as_object(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_id(value: object) -> UUID | None:
    """An id from its JSON; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_ids(value: object) -> list[UUID]:
    """A list of ids from its JSON, without what is none."""
    found = map(as_id, value) if isinstance(value, list) else ()
    return [id for id in found if id is not None]


def as_instant(value: object) -> datetime | None:
    """An instant from its JSON, in UTC; None for anything else."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def as_text(value: object) -> str | None:
    """A text from its JSON; None for anything else."""
    return value if isinstance(value, str) else None
