"""The tally of a team: who takes the next meeting."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.availability.days_off import Absence
from domain.person import Person, PersonProperties
from domain.tally import MemberTally, Month, Tally, apply_change, choose_member, count_again, find_return
from domain.team import Team, TeamMember, TeamProperties
from tests.domain.example import build_context

MONTH = Month.from_instant(datetime(2026, 12, 10, tzinfo=UTC), "UTC")
NOW = datetime(2026, 12, 10, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)


def create_team(*members: TeamMember) -> Team:
    """Create a team whose members joined long ago."""
    team = Team.create(uuid4(), TeamProperties(name="Engineers", members=members), build_context())
    team.joined_at = dict.fromkeys(team.member_ids, LONG_AGO)
    return team


def create_members(team: Team, **properties: object) -> list[Person]:
    """Create the people of a team."""
    return [create_member(id, **properties) for id in team.member_ids]


def create_member(id: UUID, **properties: object) -> Person:
    """Create a person."""
    fields = {"name": "A", "email": f"{id}@nexora.example", "time_zone": "UTC", "roles": ("member",), **properties}
    return Person.add(id, PersonProperties(**fields), build_context())


def build_members(count: int, **fields: int) -> list[TeamMember]:
    """Build members with equal weights and priorities."""
    return [TeamMember(person_id=uuid4(), **fields) for _ in range(count)]


def build_tally(team: Team, *counts: int, month: Month = MONTH) -> Tally:
    """Build a tally in which the members have these counts."""
    rows = [MemberTally(month.first_day, count, month.start) for count in counts]
    return Tally(team.id, 1, dict(zip(team.member_ids, rows, strict=True)))


def choose(team: Team, tally: Tally, people: list[Person] | None = None, free: list[UUID] | None = None) -> UUID:
    """Choose a member now."""
    members = people or create_members(team)
    chosen, _ = choose_member(tally, team, members, free or list(team.member_ids), MONTH, NOW)
    return chosen.person_id


class TestChoice:
    """Lowest count for the weight, then priority, then longest unbooked, then the team's order."""

    def test_the_lowest_count_for_the_weight(self) -> None:
        first, second = (TeamMember(person_id=uuid4(), weight=weight) for weight in (1, 3))
        team = create_team(first, second)
        assert choose(team, build_tally(team, 1, 2)) == second.person_id
        assert choose(team, build_tally(team, 1, 4)) == first.person_id

    def test_shares_are_compared_exactly(self) -> None:
        first, second = (TeamMember(person_id=uuid4(), weight=weight) for weight in (99, 100))
        team = create_team(first, second)
        assert choose(team, build_tally(team, 98, 99)) == first.person_id  # 0.98989… against 0.99

    def test_then_the_highest_priority(self) -> None:
        first, second = (TeamMember(person_id=uuid4(), priority=priority) for priority in (0, 9))
        team = create_team(first, second)
        assert choose(team, build_tally(team, 2, 2)) == second.person_id

    def test_then_who_was_not_chosen_for_longest(self) -> None:
        team = create_team(*build_members(3))
        tally = build_tally(team, 0, 0, 0)
        order = []
        for hour in range(6):
            chosen, change = choose_member(
                tally, team, create_members(team), team.member_ids, MONTH, NOW + timedelta(hours=hour)
            )
            tally = apply_change(tally, change)
            order.append(team.member_ids.index(chosen.person_id))
        assert order == [0, 1, 2, 0, 1, 2]

    def test_only_among_those_who_are_free(self) -> None:
        team = create_team(*build_members(3))
        busy, free, _ = team.member_ids
        assert choose(team, build_tally(team, 0, 5, 9), free=[free]) == free
        assert busy != free

    def test_says_what_it_went_by(self) -> None:
        team = create_team(*build_members(2, weight=2, priority=1))
        chosen, change = choose_member(build_tally(team, 3, 4), team, create_members(team), team.member_ids, MONTH, NOW)
        assert [(one.count, one.weight, one.priority) for one in chosen.candidates] == [(3, 2, 1), (4, 2, 1)]
        assert (chosen.team_id, chosen.team_version) == (team.id, team.version)
        [(person_id, member)] = change.members.items()
        assert (person_id, member.count, member.chosen_at) == (chosen.person_id, 4, NOW)

    def test_nobody_is_no_choice(self) -> None:
        team = create_team(*build_members(1))
        with pytest.raises(ValueError, match="empty"):
            choose_member(build_tally(team, 0), team, create_members(team), [], MONTH, NOW)


class TestMonth:
    """Each month begins with nothing, in the organisation's zone."""

    def test_begins_with_nothing(self) -> None:
        team = create_team(*build_members(2))
        november = Month.from_instant(NOW - timedelta(days=20), "UTC")
        chosen, change = choose_member(
            build_tally(team, 7, 3, month=november), team, create_members(team), team.member_ids, MONTH, NOW
        )
        assert {one.count for one in chosen.candidates} == {0}
        assert {member.month for member in change.members.values()} == {date(2026, 12, 1)}

    def test_is_that_of_the_organisation(self) -> None:
        instant = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
        assert Month.from_instant(instant, "UTC").first_day == date(2026, 11, 1)
        berlin = Month.from_instant(instant, "Europe/Berlin")
        assert (berlin.first_day, berlin.start) == (date(2026, 12, 1), datetime(2026, 11, 30, 23, tzinfo=UTC))


class TestReturn:
    """Who is new or comes back starts at the team's average, once."""

    def test_a_new_member_starts_at_the_average(self) -> None:
        old, other, new = build_members(3)
        team = create_team(old, other, new)
        team.joined_at = {**team.joined_at, new.person_id: NOW - timedelta(days=1)}
        chosen, change = choose_member(
            build_tally(team, 10, 12, 0), team, create_members(team), team.member_ids, MONTH, NOW
        )
        assert [one.count for one in chosen.candidates] == [10, 12, 11]
        assert chosen.person_id == old.person_id
        assert change.members[new.person_id].levelled_at == NOW

    def test_by_weight(self) -> None:
        old, new = (TeamMember(person_id=uuid4(), weight=weight) for weight in (2, 5))
        team = create_team(old, new)
        team.joined_at = {**team.joined_at, new.person_id: NOW - timedelta(days=1)}
        chosen, _ = choose_member(build_tally(team, 6, 0), team, create_members(team), team.member_ids, MONTH, NOW)
        assert [one.count for one in chosen.candidates] == [6, 15]

    def test_only_once(self) -> None:
        old, new = build_members(2)
        team = create_team(old, new)
        team.joined_at = {**team.joined_at, new.person_id: NOW - timedelta(days=1)}
        tally = build_tally(team, 4, 0)
        people = create_members(team)
        for free, count in ((old, 4), (old, 4), (new, 4)):
            _chosen, change = choose_member(tally, team, people, [free.person_id], MONTH, NOW)
            tally = apply_change(tally, change)
            assert tally.members[new.person_id].count == count + (free is new)
        assert tally.members[old.person_id].count == 6

    def test_nobody_loses_what_they_have(self) -> None:
        old, new = build_members(2)
        team = create_team(old, new)
        team.joined_at = {**team.joined_at, new.person_id: NOW - timedelta(days=1)}
        chosen, _ = choose_member(build_tally(team, 1, 5), team, create_members(team), team.member_ids, MONTH, NOW)
        assert [one.count for one in chosen.candidates] == [1, 5]

    def test_a_team_that_begins_has_no_average(self) -> None:
        team = create_team(*build_members(2))
        team.joined_at = dict.fromkeys(team.member_ids, NOW - timedelta(hours=1))
        chosen, _ = choose_member(Tally(team.id), team, create_members(team), team.member_ids, MONTH, NOW)
        assert [one.count for one in chosen.candidates] == [0, 0]

    def test_is_the_latest_of_joining_coming_back_and_an_absence(self) -> None:
        team = create_team(*build_members(1))
        [id] = team.member_ids
        absences = (Absence(first_day="2026-12-01", last_day="2026-12-03"),)
        assert find_return(create_member(id), team, NOW) == LONG_AGO
        assert find_return(create_member(id, absences=absences), team, NOW) == datetime(2026, 12, 4, tzinfo=UTC)
        assert find_return(create_member(id, absences=absences), team, NOW - timedelta(days=8)) == LONG_AGO
        person = create_member(id)
        person.deactivate(build_context())
        person.activate(build_context())
        assert person.returned_at is not None
        assert find_return(person, team, person.returned_at) == person.returned_at


class TestCountAgain:
    """A meeting that counts no longer, or for somebody else."""

    def test_moves_it(self) -> None:
        team = create_team(*build_members(2))
        before, after = team.member_ids
        change = count_again(build_tally(team, 3, 3), MONTH, before, after)
        assert change is not None
        assert {id: member.count for id, member in change.members.items()} == {before: 2, after: 4}

    def test_gives_it_back(self) -> None:
        team = create_team(*build_members(2))
        change = count_again(build_tally(team, 3, 3), MONTH, team.member_ids[0], None)
        assert change is not None
        assert [member.count for member in change.members.values()] == [2]

    def test_a_meeting_of_an_earlier_month_counts_no_longer_anyway(self) -> None:
        team = create_team(*build_members(2))
        november = Month.from_instant(NOW - timedelta(days=20), "UTC")
        assert count_again(build_tally(team, 3, 3), november, *team.member_ids) is None
