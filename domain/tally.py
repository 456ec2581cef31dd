"""The tally of a team: how many meetings of a month each member has, and who is to take the next one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.member_choice import Candidate, MemberChoice
from domain.person import Person
from domain.team import Team

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in the organisation's zone: its first day, and the instant at which it begins."""

    first_day: date
    start: datetime

    @classmethod
    def from_instant(cls, instant: datetime, time_zone: str) -> "Month":
        """Returns the month that an instant is in."""
        zone = ZoneInfo(time_zone)
        first_day = instant.astimezone(zone).date().replace(day=1)
        return cls(first_day, datetime.combine(first_day, time(), zone).astimezone(UTC))


@dataclass(frozen=True, slots=True)
class MemberTally:
    """What a member has: the count of a month, when the count was last levelled, and when they were last chosen."""

    month: date
    count: int
    levelled_at: datetime
    chosen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The tally of a team. `version` rises with each change of it."""

    team_id: UUID
    version: int = 0
    members: Mapping[UUID, MemberTally] = field(default_factory=dict)

    def find_member(self, person_id: UUID, month: Month) -> MemberTally:
        """Returns what a member has of a month. A new month begins with nothing."""
        member = self.members.get(person_id)
        if member is None:
            return MemberTally(month.first_day, 0, month.start)
        if member.month != month.first_day:
            return replace(member, month=month.first_day, count=0, levelled_at=month.start)
        return member


@dataclass(frozen=True, slots=True)
class TallyChange:
    """What an append changes in a tally, decided on one version of it."""

    team_id: UUID
    version: int
    members: Mapping[UUID, MemberTally]


def find_return(person: Person, team: Team, now: datetime) -> datetime:
    """Returns the instant since which a member can be chosen: they joined, came back, or an absence ended."""
    returns = (team.joined_at.get(person.id), person.returned_at, find_end_of_absence(person, now))
    return max((instant for instant in returns if instant is not None and instant <= now), default=NEVER)


def find_end_of_absence(person: Person, now: datetime) -> datetime | None:
    """Returns the end of a person's last absence before an instant; None without one."""
    zone = ZoneInfo(person.properties.time_zone)
    last_days = [date.fromisoformat(absence.last_day) for absence in person.properties.absences]
    ends = [datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) for day in last_days]
    return max((end for end in ends if end <= now), default=None)


def level_counts(tally: Tally, team: Team, members: Sequence[Person], month: Month, now: datetime) -> Tally:
    """Returns the tally in which everybody who is new or has returned this month has at least the team's average.

    The average is the share of all others: their meetings divided by their weights. Nobody loses a count.
    """
    weights = {member.person_id: member.weight for member in team.properties.members}
    current = {person.id: tally.find_member(person.id, month) for person in members if person.id in weights}
    returned = {person.id for person in members if find_return(person, team, now) > current[person.id].levelled_at}
    others = current.keys() - returned
    count, weight = (sum(values[id] for id in others) for values in (count_by_id(current), weights))
    for id in returned:
        average = count * weights[id] // weight if weight else 0
        current[id] = replace(current[id], count=max(current[id].count, average), levelled_at=now)
    return replace(tally, members={**tally.members, **current})


def count_by_id(members: Mapping[UUID, MemberTally]) -> dict[UUID, int]:
    """Returns the count of each member."""
    return {id: member.count for id, member in members.items()}


def list_candidates(tally: Tally, team: Team, free_ids: Collection[UUID]) -> tuple[Candidate, ...]:
    """Lists the members who are free, in the team's order, with what the choice goes by."""
    return tuple(
        Candidate(
            person_id=member.person_id,
            count=tally.members[member.person_id].count,
            weight=member.weight,
            priority=member.priority,
        )
        for member in team.properties.members
        if member.person_id in free_ids
    )


def choose_candidate(candidates: Sequence[Candidate], tally: Tally) -> UUID:
    """Chooses the lowest count for the weight, then the highest priority, then who was not chosen for longest.

    At last the team's order decides. Raises ValueError without candidates.
    """

    def build_rank(candidate: Candidate) -> tuple[Fraction, int, datetime]:
        chosen_at = tally.members[candidate.person_id].chosen_at
        return Fraction(candidate.count, candidate.weight), -candidate.priority, chosen_at or NEVER

    return min(candidates, key=build_rank).person_id


def choose_member(
    tally: Tally, team: Team, members: Sequence[Person], free_ids: Collection[UUID], month: Month, now: datetime
) -> tuple[MemberChoice, TallyChange]:
    """Chooses a member for a meeting that is booked now, and counts the meeting for them.

    `members` are all who may be chosen, `free_ids` those of them who are free. Raises ValueError when nobody is.
    """
    levelled = level_counts(tally, team, members, month, now)
    candidates = list_candidates(levelled, team, free_ids)
    person_id = choose_candidate(candidates, levelled)
    choice = MemberChoice(team_id=team.id, team_version=team.version, person_id=person_id, candidates=candidates)
    chosen = levelled.members[person_id]
    after = {**levelled.members, person_id: replace(chosen, count=chosen.count + 1, chosen_at=now)}
    changed = {id: member for id, member in after.items() if member != tally.members.get(id)}
    return choice, TallyChange(team.id, tally.version, changed)


def count_again(tally: Tally, month: Month, before: UUID | None, after: UUID | None) -> TallyChange | None:
    """Moves one meeting of a month from one member to another; None for nobody. None when nothing changes."""
    changed: dict[UUID, MemberTally] = {}
    if before is not None and before != after:
        member = tally.find_member(before, month)
        if before in tally.members and tally.members[before].month == month.first_day and member.count:
            changed[before] = replace(member, count=member.count - 1)
    if after is not None and before != after:
        member = tally.find_member(after, month)
        if after not in tally.members or tally.members[after].month <= month.first_day:
            changed[after] = replace(member, count=member.count + 1)
    return TallyChange(tally.team_id, tally.version, changed) if changed else None


def apply_change(tally: Tally, change: TallyChange) -> Tally:
    """Returns the tally after a change."""
    return replace(tally, version=tally.version + 1, members={**tally.members, **change.members})
