"""What the API answers of the history: an event, who caused it, what it changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field


class EventActor(BaseModel):
    """Who caused an event; `name` is the one that a person had then."""

    kind: str
    id: UUID | None
    name: str | None


class Change(BaseModel):
    """What an event changed of a thing, from what to what; an id is shown with the name that it had then."""

    field: str
    before: Any = Field(alias="from")
    after: Any = Field(alias="to")


class HistoryEvent(BaseModel):
    """An event of the log, with the sentence that tells it and the personal details that it refers to.

    `erased` says that these are no more. `data` is the payload as it is stored.
    """

    position: int
    recorded_at: datetime
    occurred_at: datetime | None
    stream_id: UUID
    version: int
    type: str
    actor: EventActor
    request_id: str | None
    source: str | None
    sentence: str
    changes: list[Change]
    details: dict[str, Any] | None
    erased: bool
    data: dict[str, Any]
