"""What a calendar shows of a meeting. Commands import it without the library that renders it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant, as a calendar names them."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """What a calendar shows of a meeting.

    `sent_by` is the address that sends in the host's name, if any. `taken_off` are those whom a cancellation is for
    while the meeting takes place without them.
    """

    token_id: UUID
    sequence: int
    changed_at: datetime
    start: datetime
    end: datetime
    zone: str
    title: str
    description: str
    url: str
    location: str | None
    cancelled: bool
    host: Participant
    others: Sequence[Participant]
    sent_by: str | None = None
    taken_off: Sequence[Participant] = ()
