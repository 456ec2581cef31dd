"""The recount of choices from the log alone: whether each member was chosen as the rule says, and the tallies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.event import Event
from domain.member_choice import MemberChoice
from domain.organisation import OrganisationUpdated
from domain.person import Person, PersonActivated, PersonDeactivated, PersonProperties
from domain.tally import (
    MemberTally,
    Month,
    Tally,
    apply_change,
    choose_candidate,
    choose_member,
    count_again,
    level_counts,
    list_candidates,
)
from domain.team import Team, TeamDeleted, TeamProperties
from domain.token_events import MeetingBooked, MeetingCancelled, MeetingReassigned, NoShowMarked, NoShowUnmarked


@dataclass
class CountedMeeting:
    """A meeting for which a member was chosen: for whom it counts now, and when it was booked."""

    team_id: UUID
    booked_at: datetime
    member_id: UUID | None
    host_ids: tuple[UUID, ...]


@dataclass
class Recount:
    """Folds the events of people, teams, the organisation and meetings, in the order of their positions."""

    time_zone: str = "UTC"
    teams: dict[UUID, Team] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)
    tallies: dict[UUID, Tally] = field(default_factory=dict)
    meetings: dict[UUID, CountedMeeting] = field(default_factory=dict)

    def apply_event(self, event: Event) -> Iterator[str]:
        """Applies the next event. Yields, as the end of a sentence, how a choice differs from the rule."""
        match event:
            case OrganisationUpdated():
                self.time_zone = event.time_zone
            case TeamProperties() | TeamDeleted():
                self.teams.setdefault(event.originator_id, Team(event.originator_id)).fold_event(event)
            case PersonProperties() | PersonActivated() | PersonDeactivated():
                self.people.setdefault(event.originator_id, Person(event.originator_id)).fold_event(event)
            case MeetingBooked() if event.chosen is not None:
                yield from self.count_choice(event, event.chosen)
                booked = CountedMeeting(event.chosen.team_id, event.occurred_at, event.chosen.person_id, event.host_ids)
                self.meetings[event.originator_id] = booked
            case MeetingReassigned() if event.originator_id in self.meetings:
                yield from self.count_reassignment(event, self.meetings[event.originator_id])
            case MeetingCancelled() if event.originator_id in self.meetings and event.cancelled_by == "guest":
                self.count_for(self.meetings[event.originator_id], None)
            case NoShowMarked() if event.originator_id in self.meetings:
                self.count_for(self.meetings[event.originator_id], None, stays=True)
            case NoShowUnmarked() if event.originator_id in self.meetings:
                meeting = self.meetings[event.originator_id]
                self.move_count(meeting, None, meeting.member_id)

    def count_choice(self, event: MeetingBooked | MeetingReassigned, chosen: MemberChoice) -> Iterator[str]:
        """Counts a choice for who was chosen, whether or not the rule says so. Yields how it differs from the rule."""
        team = self.teams[chosen.team_id]
        if team.version != chosen.team_version:
            yield f"was chosen from version {chosen.team_version} of the team, which was at version {team.version}."
            return
        fixed_ids = [id for id in event.host_ids if id != chosen.person_id]
        people = [self.people[id] for id in team.member_ids if id not in fixed_ids and self.people[id].active]
        tally, month = self.find_tally(chosen.team_id), Month.from_instant(event.occurred_at, self.time_zone)
        levelled = level_counts(tally, team, people, month, event.occurred_at)
        free_ids = [candidate.person_id for candidate in chosen.candidates]
        candidates = list_candidates(levelled, team, free_ids)
        if candidates != chosen.candidates:
            yield "was chosen on counts, weights or priorities that the log does not say."
        elif choose_candidate(candidates, levelled) != chosen.person_id:
            yield f"is not with {choose_candidate(candidates, levelled)}, whose turn it was."
        _, change = choose_member(tally, team, people, [chosen.person_id], month, event.occurred_at)
        self.tallies[tally.team_id] = apply_change(tally, change)

    def count_reassignment(self, event: MeetingReassigned, meeting: CountedMeeting) -> Iterator[str]:
        """Counts a meeting for who has it now, chosen by the rule or by a person. Yields as `count_choice`."""
        if event.chosen is not None:
            before = self.find_tally(meeting.team_id)
            yield from self.count_choice(event, event.chosen)
            month = Month.from_instant(meeting.booked_at, self.time_zone)
            given_back = count_again(before, month, meeting.member_id, None)
            self.add_members(meeting.team_id, given_back.members if given_back else {})
            meeting.member_id = event.chosen.person_id
        elif meeting.member_id is not None and meeting.member_id not in event.host_ids:
            added = [id for id in event.host_ids if id not in event.previous_host_ids]
            self.count_for(meeting, next(iter(added), None))
        meeting.host_ids = event.host_ids

    def count_for(self, meeting: CountedMeeting, member_id: UUID | None, stays: bool = False) -> None:
        """Counts a meeting for another person, or for nobody; with `stays`, its member is the same."""
        self.move_count(meeting, meeting.member_id, member_id)
        if not stays:
            meeting.member_id = member_id

    def move_count(self, meeting: CountedMeeting, before: UUID | None, after: UUID | None) -> None:
        """Moves the count of a meeting."""
        tally, month = self.find_tally(meeting.team_id), Month.from_instant(meeting.booked_at, self.time_zone)
        change = count_again(tally, month, before, after)
        if change is not None:
            self.tallies[meeting.team_id] = apply_change(tally, change)

    def add_members(self, team_id: UUID, members: Mapping[UUID, MemberTally]) -> None:
        """Replaces what some members have."""
        tally = self.find_tally(team_id)
        self.tallies[team_id] = replace(tally, members={**tally.members, **members})

    def find_tally(self, team_id: UUID) -> Tally:
        """Returns the tally of a team."""
        return self.tallies.get(team_id, Tally(team_id))
