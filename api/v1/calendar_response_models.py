"""What the API answers about calendars: never an address of a feed, a user name or a password."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class ChosenCalendar(BaseModel):
    """A calendar of a CalDAV account, and whether it is read, and one's meetings are written to it."""

    url: str
    name: str
    writable: bool
    read: bool
    write: bool


class OwnCalendar(BaseModel):
    """A calendar that is read to know when its person is busy.

    `state` is `waiting` before it was read for the first time, `read`, or `failing`: then `problem` says why since
    `failing_since`, and what was known at `checked_at` still holds. `busy_soon` counts the entries of the next 60 days.
    """

    id: UUID
    kind: Literal["feed", "caldav"]
    name: str
    is_busy_feed_url: bool
    calendars: list[ChosenCalendar]
    state: Literal["waiting", "read", "failing"]
    problem: str | None
    failing_since: datetime | None
    checked_at: datetime | None
    known_until: datetime | None
    busy_soon: int | None
    due_at: datetime
    created_at: datetime
