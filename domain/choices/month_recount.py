"""Recounts the choices of a team's month: who would have had how many meetings with other weights."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.event import Event
from domain.member_choice import Candidate, MemberChoice
from domain.tally import NEVER, MemberTally, Tally, choose_candidate
from domain.token_events import MeetingBooked, MeetingCancelled, MeetingReassigned, NoShowMarked, NoShowUnmarked

ANY_MONTH = date.min  # the rule does not go by it


@dataclass(frozen=True, slots=True)
class Share:
    """The weight and priority that a recount gives a member."""

    weight: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class MemberRecount:
    """How many meetings a member had, and would have had."""

    person_id: UUID
    happened: int
    recounted: int


@dataclass(frozen=True, slots=True)
class Recount:
    """The recount of some meetings: each member, and how many choices would have been different ones."""

    members: Sequence[MemberRecount]
    choices: int
    different: int


@dataclass
class Assignment:
    """Who has which meeting, how many each member has, and when each was last chosen.

    `uncounted` has the meetings that do not count any more, with who had them.
    """

    holders: dict[UUID, UUID] = field(default_factory=dict)
    uncounted: dict[UUID, UUID] = field(default_factory=dict)
    counts: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    chosen_at: dict[UUID, int] = field(default_factory=dict)

    def choose(self, meeting_id: UUID, person_id: UUID, step: int) -> None:
        """Gives a meeting to a member who was chosen for it."""
        self.give(meeting_id, person_id)
        self.chosen_at[person_id] = step

    def give(self, meeting_id: UUID, person_id: UUID) -> None:
        """Gives a meeting to a member, and takes it from whoever had it."""
        self.take(meeting_id)
        self.holders[meeting_id] = person_id
        self.counts[person_id] += 1

    def take(self, meeting_id: UUID) -> None:
        """Takes a meeting from whoever has it; it does not count any more."""
        person_id = self.holders.pop(meeting_id, None)
        if person_id is not None:
            self.counts[person_id] -= 1
            self.uncounted[meeting_id] = person_id

    def restore(self, meeting_id: UUID) -> None:
        """Counts a meeting again for whoever had it."""
        person_id = self.uncounted.pop(meeting_id, None)
        if person_id is not None:
            self.give(meeting_id, person_id)


def recount_choices(team_id: UUID, events: Iterable[Event], shares: Mapping[UUID, Share]) -> Recount:
    """Recounts the choices from a team in the events of a month's meetings, in their order in the log.

    `shares` replaces what the log says of some members. A choice is made among those who were free then, by the same
    rule, on the counts that the recounted choices before it lead to. What a member's count began with, such as the
    average of who returned, stays as the log has it. Without other shares, everybody has what they had.
    """
    happened, recounted = Assignment(), Assignment()
    choices = different = 0
    for step, event in enumerate(events):
        choice = find_choice(event, team_id)
        if choice is not None:
            choices += 1
            person_id = choose_again(event, choice, shares, happened, recounted)
            different += person_id != choice.person_id
            happened.choose(event.originator_id, choice.person_id, step)
            recounted.choose(event.originator_id, person_id, step)
        else:
            follow_event(event, happened, recounted)
    ids = dict.fromkeys([*happened.counts, *recounted.counts])
    members = [MemberRecount(id, happened.counts[id], recounted.counts[id]) for id in ids]
    return Recount(members, choices, different)


def find_choice(event: Event, team_id: UUID) -> MemberChoice | None:
    """Returns the choice from a team that an event says; None for another event, or another team's."""
    choice = getattr(event, "chosen", None) if isinstance(event, MeetingBooked | MeetingReassigned) else None
    return choice if isinstance(choice, MemberChoice) and choice.team_id == team_id else None


def choose_again(
    event: Event, choice: MemberChoice, shares: Mapping[UUID, Share], happened: Assignment, recounted: Assignment
) -> UUID:
    """Returns who would have been chosen: whoever has the meeting already if they were free, else by the rule."""
    holder = recounted.holders.get(event.originator_id)
    if holder is not None and any(candidate.person_id == holder for candidate in choice.candidates):
        return holder  # a moved meeting keeps its member

    candidates = [convert_candidate(one, shares, happened, recounted) for one in choice.candidates]
    members = {
        one.person_id: MemberTally(ANY_MONTH, one.count, NEVER, find_last_choice(one.person_id, choice, recounted))
        for one in candidates
    }
    return choose_candidate(candidates, Tally(choice.team_id, members=members))


def convert_candidate(
    candidate: Candidate, shares: Mapping[UUID, Share], happened: Assignment, recounted: Assignment
) -> Candidate:
    """Returns a candidate with the share of the recount, and the count that it has led to."""
    id = candidate.person_id
    share = shares.get(id) or Share(candidate.weight, candidate.priority)
    count = max(candidate.count - happened.counts[id] + recounted.counts[id], 0)
    return Candidate(person_id=id, count=count, weight=share.weight, priority=share.priority)


def find_last_choice(person_id: UUID, choice: MemberChoice, recounted: Assignment) -> datetime:
    """Returns an instant by which members can be ordered: who was last chosen when, in the recount.

    Whoever was not chosen in it yet comes first, and of them whoever the log says was chosen this time.
    """
    step = recounted.chosen_at.get(person_id)
    order = (0 if person_id == choice.person_id else 1) if step is None else 2 + step
    return NEVER + timedelta(seconds=order)


def follow_event(event: Event, happened: Assignment, recounted: Assignment) -> None:
    """Follows what happened to a meeting later."""
    if isinstance(event, MeetingReassigned):
        follow_reassignment(event, happened, recounted)
    for assignment in (happened, recounted):
        if is_uncounted(event):
            assignment.take(event.originator_id)
        elif isinstance(event, NoShowUnmarked):
            assignment.restore(event.originator_id)


def follow_reassignment(event: MeetingReassigned, happened: Assignment, recounted: Assignment) -> None:
    """Follows a meeting that was given to somebody else by hand, if its member had no time for it any more."""
    before = happened.holders.get(event.originator_id)
    added = [id for id in event.host_ids if id not in event.previous_host_ids]
    if before is None or before in event.host_ids or not added:
        return
    if recounted.holders.get(event.originator_id) == before:
        recounted.give(event.originator_id, added[0])
    happened.give(event.originator_id, added[0])


def is_uncounted(event: Event) -> bool:
    """Whether an event takes a meeting out of the count: its guest cancelled it, or did not come."""
    is_cancelled = isinstance(event, MeetingCancelled) and event.cancelled_by == "guest"
    return is_cancelled or isinstance(event, NoShowMarked)
