"""A team: what its events say, what its members may be, and where it stays silent."""

from typing import Any
from uuid import UUID

import pytest

from domain.refusals import Invalid, NotFound
from domain.team import Team, TeamDeleted, TeamMember, TeamProperties, TeamUpdated
from tests.domain.example import ANNA, JULIO, build_context, list_event_types, mark_saved


def create_team(*members: TeamMember) -> Team:
    """A team of Julio, or of these members."""
    properties = TeamProperties(name="Sales engineering", members=members or (TeamMember(person_id=JULIO),))
    return mark_saved(Team.create(UUID(int=8), properties, build_context()))


def update_team(team: Team, **changes: Any) -> None:
    """Change the team's properties."""
    team.update(team.properties.apply_changes(changes), build_context())


def test_an_update_says_every_property() -> None:
    team = create_team()
    update_team(team, members=(TeamMember(person_id=ANNA, weight=3, priority=2), TeamMember(person_id=JULIO)))
    [event] = team.collect_events()
    assert isinstance(event, TeamUpdated)
    assert (event.name, event.members) == ("Sales engineering", team.properties.members)
    assert team.member_ids == (ANNA, JULIO)


def test_silent_when_nothing_changes() -> None:
    team = create_team()
    update_team(team, name="Sales engineering")
    assert list_event_types(team) == []
    team.delete(build_context())
    team.delete(build_context())
    assert list_event_types(team) == [TeamDeleted]


def test_a_deleted_team_is_not_changed() -> None:
    team = create_team()
    team.delete(build_context())
    with pytest.raises(NotFound):
        update_team(team, name="Other")


@pytest.mark.parametrize(
    "members",
    [
        pytest.param((), id="nobody"),
        pytest.param(tuple(TeamMember(person_id=UUID(int=n)) for n in range(101)), id="101 people"),
        pytest.param((TeamMember(person_id=JULIO), TeamMember(person_id=JULIO, weight=2)), id="somebody twice"),
        pytest.param((TeamMember(person_id=JULIO, weight=0),), id="a weight of 0"),
        pytest.param((TeamMember(person_id=JULIO, weight=101),), id="a weight of 101"),
        pytest.param((TeamMember(person_id=JULIO, priority=-1),), id="a priority of -1"),
        pytest.param((TeamMember(person_id=JULIO, priority=10),), id="a priority of 10"),
    ],
)
def test_members_that_break_a_rule(members: tuple[TeamMember, ...]) -> None:
    properties = TeamProperties(name="Team", members=members)
    with pytest.raises(Invalid, match="members"):
        Team.create(UUID(int=8), properties, build_context())
    with pytest.raises(Invalid, match="members"):
        create_team().update(properties, build_context())
