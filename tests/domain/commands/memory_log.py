"""A log in memory: the eventsourcing library's recorder, with the append conditions and queries of the domain."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from domain.availability.hours import Interval
from domain.availability.limits import HostMeeting
from domain.erasure import PersonalDetailsErased
from domain.event import Event
from domain.event_mapper import EventMapper
from domain.log import AppendConditions, OutcomeUnknown, StaleRead, TeamState
from domain.organisation import OrganisationUpdated
from domain.personal_details import PersonalDetails
from domain.refusals import EmailTaken, SlotTaken, SlugTaken
from domain.tally import Tally, apply_change
from domain.token_events import MeetingBooked, Rescheduled

CLAIM_REFUSALS = {"slug": SlugTaken, "email": EmailTaken}
# what happens to an append: it is rejected, lost, carried out without an answer, or carried out after the next read
Fault = Literal["stale", "lost", "unanswered", "late"]


class MemoryLog(POPOApplicationRecorder):
    """A recorder and LogReader for tests. `faults` are those of the next appends, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.mapper = EventMapper()
        self.claims: dict[tuple[str, str], UUID] = {}
        self.reservations: dict[UUID, tuple[tuple[UUID, ...], Interval]] = {}
        self.busy_times: dict[UUID, list[Interval]] = {}
        self.details: dict[UUID, PersonalDetails] = {}
        self.unconfirmed_ids: set[UUID] = set()
        self.tallies: dict[UUID, Tally] = {}
        self.held_tallies: list[UUID] = []
        self.faults: list[Fault] = []
        self.late_append: tuple[Sequence[StoredEvent], AppendConditions] | None = None
        self.read_count = 0
        self.append_count = 0
        self.standby_waits = 0

    # The recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        conditions: AppendConditions = kwargs["conditions"]
        fault = self.faults.pop(0) if self.faults else None
        if fault == "stale":
            raise StaleRead
        if fault == "late":
            self.late_append = (stored_events, conditions)
        if fault in {"lost", "late"}:
            raise OutcomeUnknown
        positions = self.append(stored_events, conditions)
        if fault == "unanswered":
            raise OutcomeUnknown
        return positions

    def append(self, stored_events: Sequence[StoredEvent], conditions: AppendConditions) -> Sequence[int]:
        """Append under conditions. Raises StaleRead, SlugTaken, EmailTaken, SlotTaken."""
        self.check_conditions(conditions)
        try:
            positions = super().insert_events(stored_events) or ()
        except IntegrityError as error:
            raise StaleRead from error
        self.append_count += 1
        self.claims |= {(claim.kind, claim.value): claim.stream_id for claim in conditions.claims}
        if conditions.release_booking_id is not None:
            self.reservations.pop(conditions.release_booking_id, None)
        if conditions.reservation is not None:
            reservation = conditions.reservation
            self.reservations[reservation.booking_id] = (reservation.host_ids, reservation.interval)
        self.details |= {details.id: details for details in conditions.details}
        if conditions.tally is not None:
            tally = self.tallies.get(conditions.tally.team_id, Tally(conditions.tally.team_id))
            self.tallies[tally.team_id] = apply_change(tally, conditions.tally)
        for event in map(self.mapper.to_domain_event, stored_events):
            for id in event.details_ids if isinstance(event, PersonalDetailsErased) else ():
                del self.details[id]
        return positions

    def check_conditions(self, conditions: AppendConditions) -> None:
        """Check what an append was decided on. Raises StaleRead, SlugTaken, EmailTaken, SlotTaken."""
        if any(len(self.read_stream(read.id)) != read.version for read in conditions.reads):
            raise StaleRead
        tally = conditions.tally
        if tally is not None and tally.version != self.tallies.get(tally.team_id, Tally(tally.team_id)).version:
            raise StaleRead(tally.team_id)
        for claim in conditions.claims:
            if self.claims.get((claim.kind, claim.value), claim.stream_id) != claim.stream_id:
                raise CLAIM_REFUSALS[claim.kind]
        reservation = conditions.reservation
        if reservation is not None and self.find_unavailable_intervals(
            reservation.host_ids, reservation.interval, conditions.release_booking_id
        ):
            raise SlotTaken
        for window in conditions.limits:
            meetings = self.find_host_meetings([window.host_id], window.interval, conditions.release_booking_id)
            counted = [m for m in meetings[window.host_id] if window.meeting_type_id in {None, m.meeting_type_id}]
            if len(counted) >= window.most:
                raise SlotTaken

    # The reader

    def read_stream(self, id: UUID) -> list[Event]:
        """Read one stream, without counting it as a query of the domain."""
        return list(map(self.mapper.to_domain_event, self.select_events(id)))

    def read_events_after(self, known_versions: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        self.read_count += 1
        streams = {id: self.read_stream(id)[version:] for id, version in known_versions.items()}
        if self.late_append is not None:
            late_append, self.late_append = self.late_append, None
            self.append(*late_append)
        return {id: events for id, events in streams.items() if events}

    def find_claims(self, kind: str, values: Collection[str]) -> dict[str, UUID]:
        return {value: self.claims[kind, value] for value in values if (kind, value) in self.claims}

    def find_links_by_any_slug(self, slug: str) -> list[UUID]:
        return list({event.originator_id: None for event in self.list_events() if getattr(event, "slug", None) == slug})

    def find_links_by_any_team(self, team_id: UUID) -> list[UUID]:
        events = (event for event in self.list_events() if getattr(event, "team_id", None) == team_id)
        return list({event.originator_id: None for event in events})

    def find_unavailable_intervals(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> list[Interval]:
        intervals = [interval for host in host_ids for interval in self.busy_times.get(host, [])]
        for booking_id, (reserved_ids, interval) in self.reservations.items():
            if booking_id != excluding and set(host_ids).intersection(reserved_ids):
                intervals.append(interval)
        overlapping = [
            interval for interval in intervals if interval.start < within.end and within.start < interval.end
        ]
        return sorted(overlapping, key=lambda interval: interval.start)

    def find_unavailable_by_person(
        self, person_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[Interval]]:
        return {id: self.find_unavailable_intervals([id], within, excluding) for id in person_ids}

    def read_team_state(
        self,
        team_id: UUID,
        person_ids: Sequence[UUID],
        interval: Interval | None,
        excluding: UUID | None = None,
        stream_id: UUID | None = None,
    ) -> TeamState:
        self.read_count += 1
        busy = {id for id in person_ids if interval and self.find_unavailable_intervals([id], interval, excluding)}
        organisation = [event for event in self.list_events() if isinstance(event, OrganisationUpdated)]
        return TeamState(
            tally=self.tallies.get(team_id, Tally(team_id)),
            person_ids=frozenset(person_ids),
            interval=interval,
            busy_ids=frozenset(busy),
            events=self.read_stream(stream_id) if stream_id else (),
            time_zone=organisation[-1].time_zone if organisation else "UTC",
            organisation_version=len(organisation),
        )

    @contextmanager
    def hold_tally(self, team_id: UUID) -> Iterator[None]:
        self.held_tallies.append(team_id)
        yield

    def find_host_meetings(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[HostMeeting]]:
        meetings: dict[UUID, list[HostMeeting]] = defaultdict(list)
        for booking_id, (reserved_ids, _) in self.reservations.items():
            times = [event for event in self.read_stream(booking_id) if isinstance(event, MeetingBooked | Rescheduled)]
            booked, starts_at = times[0], times[-1].starts_at
            assert isinstance(booked, MeetingBooked)
            if booking_id != excluding and within.start <= starts_at < within.end:
                for host_id in set(host_ids).intersection(reserved_ids):
                    meetings[host_id].append(HostMeeting(starts_at, booked.meeting_type_id))
        return meetings

    def load_personal_details(self, ids: Collection[UUID]) -> dict[UUID, PersonalDetails]:
        return {id: self.details[id] for id in ids if id in self.details}

    def find_details_by_address(self, email: str, limit: int) -> dict[UUID, list[UUID]]:
        ids_by_stream: dict[UUID, list[UUID]] = defaultdict(list)
        for details in self.details.values():
            subject = details.data.get("guest") or details.data.get("recipient") or {}
            if subject.get("email", "").lower() == email.lower():
                ids_by_stream[details.stream_id].append(details.id)
        return dict(list(ids_by_stream.items())[:limit])

    def count_erased_details(self, erasure_id: UUID) -> int:
        erased_events = [event for event in self.list_events() if isinstance(event, PersonalDetailsErased)]
        return sum(len(event.details_ids) for event in erased_events if event.erasure_id == erasure_id)

    def find_first_positions(self, ids: Collection[UUID]) -> dict[UUID, int]:
        positions = {
            id: [position for position, event in self.enumerate_log() if event.originator_id == id] for id in ids
        }
        return {id: its_positions[0] for id, its_positions in positions.items() if its_positions}

    def find_request_position(self, id: UUID, request_id: str) -> int | None:
        return max(
            (
                position
                for position, event in self.enumerate_log()
                if (event.originator_id, event.request_id) == (id, request_id)
            ),
            default=None,
        )

    def find_last_position(self, id: UUID) -> int | None:
        return max((position for position, event in self.enumerate_log() if event.originator_id == id), default=None)

    def is_unconfirmed(self, id: UUID) -> bool:
        return id in self.unconfirmed_ids

    def await_standbys(self) -> None:
        self.standby_waits += 1

    def enumerate_log(self) -> list[tuple[int, Event]]:
        """List all events with their positions."""
        notifications = self.select_notifications(start=1, limit=1_000_000)
        return [(notification.id, self.mapper.to_domain_event(notification)) for notification in notifications]

    def list_events(self) -> list[Event]:
        """List all events."""
        return [event for _, event in self.enumerate_log()]

    def list_event_names(self, since: int = 0) -> list[str]:
        """List the names of the events after a position."""
        return [type(event).__name__ for position, event in self.enumerate_log() if position > since]
