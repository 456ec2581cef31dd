"""Commands on teams: what they append, what they refuse, and that a team in use stays."""

from typing import Any
from uuid import UUID

import pytest

from domain.link import Link
from domain.refusals import Forbidden, IdempotencyKeyReused, Invalid, NotFound, TeamInUse, VersionConflict
from domain.team import Team, TeamMember, TeamProperties
from tests.domain.commands.command_driver import CommandDriver


def create(driver: CommandDriver, key: str | None = None, role: str = "manager", name: str = "Engineers") -> UUID:
    """Create a team of Julio and Anna."""
    members = (TeamMember(person_id=driver.julio), TeamMember(person_id=driver.anna, weight=2))
    context = driver.build_context(role=role)
    return driver.teams.create_team(context, TeamProperties(name=name, members=members), key, {"name": name}).id


def update(driver: CommandDriver, id: UUID, version: int | None = None, **changes: Any) -> None:
    """Change a team."""
    driver.teams.update_team(driver.build_context(role="manager"), id, changes, version)


def give_team(driver: CommandDriver, team_id: UUID | None) -> None:
    """Give Julio's link a team, or take it away."""
    link = driver.application.load_aggregate(Link, driver.link).copy_with_events(())
    link.update(link.properties.apply_changes({"team_id": team_id}), driver.build_context())
    driver.application.append_events(link)


def test_a_key_creates_once(driver: CommandDriver) -> None:
    id = create(driver, "key")
    event_count = driver.count_events()
    assert create(driver, "key") == id
    assert driver.count_events() == event_count
    with pytest.raises(IdempotencyKeyReused):
        create(driver, "key", name="Other")


def test_a_member_who_left_stays_until_taken_off(driver: CommandDriver) -> None:
    id = create(driver)
    driver.administration.deactivate_person(driver.build_admin_context(), driver.anna)
    update(driver, id, name="Sales engineers")
    update(driver, id, members=(TeamMember(person_id=driver.julio),))
    with pytest.raises(Invalid, match="members"):
        update(driver, id, members=(TeamMember(person_id=driver.anna),))
    assert driver.application.load_aggregate(Team, id).member_ids == (driver.julio,)


def test_a_team_in_use_is_not_deleted(driver: CommandDriver) -> None:
    id, context = create(driver), driver.build_context(role="manager")
    give_team(driver, id)
    with pytest.raises(TeamInUse):
        driver.teams.delete_team(context, id)
    give_team(driver, None)
    assert driver.teams.delete_team(context, id) == driver.count_events()
    assert driver.teams.delete_team(driver.build_context(role="manager"), id) is None
    with pytest.raises(NotFound):
        update(driver, id, name="Other")


def test_is_refused(driver: CommandDriver) -> None:
    id = create(driver)
    with pytest.raises(VersionConflict):
        update(driver, id, version=2, name="Other")
    with pytest.raises(Invalid, match="members"):
        update(driver, id, members=(TeamMember(person_id=driver.link),))
    with pytest.raises(Forbidden):
        create(driver, role="member")
    with pytest.raises(Forbidden):
        driver.teams.update_team(driver.build_context(), id, {"name": "Other"})
    with pytest.raises(Forbidden):
        driver.teams.delete_team(driver.build_context(), id)
