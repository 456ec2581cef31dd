"""Tries a limit on what happened: which bookings and moves it would have refused, in the order of the log."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.availability.limits import HostLimit
from domain.event import Event
from domain.token_events import MeetingBooked, MeetingCancelled, MeetingReassigned, Rescheduled

FindLimit = Callable[[UUID], HostLimit | None]
"""Returns the limit that is tried on a host, or None for somebody on whom it is not."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A booking or a move that would have been refused: when the meeting would begin, and because of which host."""

    booking_id: UUID
    kind: Literal["booked", "moved"]
    starts_at: datetime
    host_id: UUID


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting that stands in the trial."""

    starts_at: datetime
    host_ids: tuple[UUID, ...]
    meeting_type_id: UUID


@dataclass
class LimitTrial:
    """The meetings that stand under the limit so far, and what was refused. What was refused counts no more."""

    find_limit: FindLimit
    meetings: dict[UUID, Meeting] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    def try_events(self, events: Iterable[Event]) -> list[Refusal]:
        """Returns the refusals of these events of meetings, which are in the order of the log."""
        for event in events:
            self.try_event(event)
        return self.refusals

    def try_event(self, event: Event) -> None:
        """Follows one event, unless the limit refuses it."""
        id = event.originator_id
        meeting = self.meetings.get(id)
        if isinstance(event, MeetingBooked):
            self.place(id, "booked", Meeting(event.starts_at, event.host_ids, event.meeting_type_id))
        elif meeting is None:
            return  # refused before, so nothing of it happens
        elif isinstance(event, Rescheduled):
            self.place(id, "moved", replace(meeting, starts_at=event.starts_at))
        elif isinstance(event, MeetingReassigned):
            self.meetings[id] = replace(meeting, host_ids=event.host_ids)
        elif isinstance(event, MeetingCancelled):
            del self.meetings[id]

    def place(self, id: UUID, kind: Literal["booked", "moved"], meeting: Meeting) -> None:
        """Places a meeting where it would be, unless the day or week of one of its hosts is full without it."""
        for host_id in meeting.host_ids:
            limit = self.find_limit(host_id)
            if limit is not None and self.is_full(limit, id, meeting):
                self.refusals.append(Refusal(id, kind, meeting.starts_at, host_id))
                return
        self.meetings[id] = meeting

    def is_full(self, limit: HostLimit, id: UUID, meeting: Meeting) -> bool:
        """Whether a host has as many other meetings in the day or week of this one as the limit allows."""
        if limit.meeting_type_id not in (None, meeting.meeting_type_id):
            return False
        return any(
            sum(
                other_id != id
                and limit.host_id in other.host_ids
                and window.interval.start <= other.starts_at < window.interval.end
                and window.meeting_type_id in (None, other.meeting_type_id)
                for other_id, other in self.meetings.items()
            )
            >= window.most
            for window in limit.list_windows(meeting.starts_at)
        )
