"""Meetings with a team: who is chosen, and what a move, a cancellation and a hand-over do to the tally."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.availability.hours import Interval
from domain.commands.no_shows import NoShowCommands
from domain.log import TeamState
from domain.refusals import SlotNotOffered, SlotTaken
from domain.team import TeamMember, TeamProperties
from domain.token import Token
from tests.domain.commands.command_driver import LATER, START, CommandDriver

HALF_HOUR = timedelta(minutes=30)


class TeamDriver:
    """A link of Julio's with a team of three, Anna among them."""

    def __init__(self, driver: CommandDriver) -> None:
        self.driver = driver
        self.others = [driver.add_person("Ben"), driver.add_person("Cleo")]
        self.members = [driver.anna, *self.others]
        members = tuple(TeamMember(person_id=id) for id in self.members)
        manager = driver.build_context(role="manager")
        self.team = driver.teams.create_team(manager, TeamProperties(name="Engineers", members=members)).id
        driver.links.update_link(driver.build_context(), driver.link, {"team_id": self.team})

    def book(self, number: int = 0) -> Token:
        """Book a slot of the day."""
        return self.driver.book(start=START + number * HALF_HOUR).token

    @property
    def counts(self) -> list[int]:
        """What each member has this month."""
        members = self.driver.log.tallies[self.team].members
        return [members[id].count if id in members else 0 for id in self.members]

    def update_members(self, *ids: UUID) -> None:
        """Change who is of the team."""
        members = tuple(TeamMember(person_id=id) for id in ids)
        self.driver.teams.update_team(self.driver.build_context(role="manager"), self.team, {"members": members})


@pytest.fixture
def team(driver: CommandDriver) -> TeamDriver:
    return TeamDriver(driver)


class TestBook:
    """The hosts, and one member."""

    def test_takes_the_time_of_both(self, team: TeamDriver) -> None:
        token = team.book()
        assert token.host_ids == (team.driver.julio, team.members[0])
        assert team.driver.log.reservations[token.id][0] == token.host_ids
        assert token.chosen is not None
        assert [one.person_id for one in token.chosen.candidates] == team.members

    def test_everybody_in_turn(self, team: TeamDriver) -> None:
        assert [team.book(number).member_id for number in range(6)] == team.members * 2
        assert team.counts == [2, 2, 2]

    def test_a_member_who_is_busy_is_not_chosen(self, team: TeamDriver) -> None:
        team.driver.log.busy_times[team.members[0]] = [Interval(START, LATER)]
        token = team.book()
        assert token.member_id == team.members[1]
        assert token.chosen is not None
        assert [one.person_id for one in token.chosen.candidates] == team.others

    def test_a_host_who_is_busy_refuses(self, team: TeamDriver) -> None:
        team.driver.log.busy_times[team.driver.julio] = [Interval(START, LATER)]
        with pytest.raises(SlotTaken):
            team.book()

    def test_nobody_who_is_free_refuses(self, team: TeamDriver) -> None:
        team.driver.log.busy_times = {key: [Interval(START, LATER)] for key in team.members}
        with pytest.raises(SlotTaken):
            team.book()

    def test_out_of_every_members_hours_is_not_offered(self, team: TeamDriver) -> None:
        for id in team.members:
            team.driver.administration.update_person(team.driver.build_admin_context(), id, {"weekly_hours": {}})
        with pytest.raises(SlotNotOffered):
            team.book()

    def test_a_host_who_is_of_the_team_is_not_chosen(self, team: TeamDriver) -> None:
        team.update_members(team.driver.julio, team.driver.anna)
        assert {team.book(number).member_id for number in range(3)} == {team.driver.anna}

    def test_unused_single_use_links_follow_the_team(self, team: TeamDriver) -> None:
        token = team.driver.issue_token()
        team.update_members(team.others[1])
        assert team.driver.book(token).token.member_id == team.others[1]

    def test_again_with_the_same_key_is_the_same_member(self, team: TeamDriver) -> None:
        token = team.driver.issue_token()
        first = team.driver.book(token, key="k" * 32)
        team.book(1)
        again = team.driver.book(token, key="k" * 32)
        assert again.replayed
        assert [host.id for host in again.offer.hosts] == [host.id for host in first.offer.hosts]
        assert [host.id for host in first.offer.hosts] == [team.driver.julio, team.members[0]]

    @pytest.mark.parametrize(("stale_reads", "holds"), [(1, False), (2, True)])
    def test_on_a_count_that_moved_is_decided_again(
        self, team: TeamDriver, monkeypatch: pytest.MonkeyPatch, stale_reads: int, holds: bool
    ) -> None:
        log = team.driver.log
        before, read, reads = log.read_team_state(team.team, (), None).tally, log.read_team_state, iter(range(9))
        team.driver.start_other_process().book(start=LATER)

        def read_stale(*arguments: Any) -> TeamState:
            state = read(*arguments)
            return replace(state, tally=before) if next(reads) < stale_reads else state

        monkeypatch.setattr(log, "read_team_state", read_stale)
        assert team.book().member_id == team.members[1]
        assert team.counts == [1, 1, 0]
        assert log.held_tallies == [team.team] * holds


class TestMove:
    """The member stays if they are free."""

    def move(self, team: TeamDriver, token: Token, number: int) -> Token:
        """Move a meeting to a slot of the day, as its guest."""
        start = START + number * HALF_HOUR
        team.driver.scheduling.reschedule_meeting(team.driver.build_guest_context(), token.id, start)
        return team.driver.load_token(token.id)

    def test_keeps_a_member_who_is_free(self, team: TeamDriver) -> None:
        token = team.book()
        moved = self.move(team, token, 4)
        assert (moved.host_ids, moved.chosen) == (token.host_ids, token.chosen)
        assert team.counts == [1, 0, 0]

    def test_chooses_another_who_counts_instead(self, team: TeamDriver) -> None:
        token = team.book()
        then = START + 4 * HALF_HOUR
        team.driver.log.busy_times[team.members[0]] = [Interval(then, then + HALF_HOUR)]
        moved = self.move(team, token, 4)
        assert moved.host_ids == (team.driver.julio, team.members[1])
        assert team.counts == [0, 1, 0]
        assert team.driver.log.reservations[token.id] == (moved.host_ids, Interval(then, then + HALF_HOUR))
        assert team.driver.log.list_event_names()[-2:] == ["Rescheduled", "MeetingReassigned"]

    def test_is_offered_where_any_member_is_free(self, team: TeamDriver) -> None:
        token = team.book()
        then = Interval(START + 4 * HALF_HOUR, START + 5 * HALF_HOUR)
        team.driver.log.busy_times[team.members[0]] = [then]
        offer = team.driver.scheduling.load_booking_offer(team.driver.load_token(token.id))
        now = team.driver.build_context().now
        assert then in team.driver.scheduling.list_slots(offer, then, now, token.id)
        team.driver.log.busy_times = {key: [then] for key in team.members}
        assert team.driver.scheduling.list_slots(offer, then, now, token.id) == []

    def test_a_member_who_left_the_team_stays(self, team: TeamDriver) -> None:
        token = team.book()
        team.update_members(*team.others)
        assert self.move(team, token, 4).member_id == team.members[0]


class TestTally:
    """What counts, and for whom."""

    def test_cancelled_by_the_guest_counts_no_longer(self, team: TeamDriver) -> None:
        token = team.book()
        team.driver.scheduling.cancel_meeting(team.driver.build_guest_context(), token.id, None)
        assert team.counts == [0, 0, 0]

    def test_cancelled_by_a_host_counts(self, team: TeamDriver) -> None:
        token = team.book()
        team.driver.scheduling.cancel_meeting(team.driver.build_context(), token.id, None)
        assert team.counts == [1, 0, 0]

    def test_a_no_show_counts_no_longer_until_it_is_taken_back(self, team: TeamDriver) -> None:
        token = team.book()
        context = team.driver.build_context(now=START + HALF_HOUR)
        no_shows = NoShowCommands(team.driver.application)
        no_shows.mark_no_show(context, token.id, tell_guest=False)
        assert team.counts == [0, 0, 0]
        no_shows.undo_no_show(context, token.id)
        assert team.counts == [1, 0, 0]

    def test_given_to_another_it_counts_for_them(self, team: TeamDriver) -> None:
        token = team.book()
        context = team.driver.build_context(role="manager")
        team.driver.reassignment.reassign_meeting(context, token.id, team.others[1], team.members[0])
        assert team.counts == [0, 0, 1]
        assert team.driver.load_token(token.id).member_id == team.others[1]

    def test_another_host_changes_nothing(self, team: TeamDriver) -> None:
        token = team.book()
        context = team.driver.build_context(role="manager")
        team.driver.reassignment.reassign_meeting(context, token.id, team.others[1])
        assert team.counts == [1, 0, 0]

    def test_somebody_new_starts_at_the_average(self, team: TeamDriver) -> None:
        for number in range(6):
            team.book(number)
        newcomer = team.driver.add_person("Dora")
        team.update_members(*team.members, newcomer)
        context = team.driver.build_guest_context(team.driver.build_context().now + timedelta(minutes=5))
        token = team.driver.book(start=START + 6 * HALF_HOUR, context=context).token
        assert token.chosen is not None
        assert [one.count for one in token.chosen.candidates] == [2, 2, 2, 2]
