"""Commands on people and meeting types: what they append, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.meeting_type import MeetingTypeProperties
from domain.person import Person
from domain.refusals import EmailTaken, Forbidden, Invalid, Refusal
from tests.domain.commands.command_driver import CommandDriver


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"name": "Julia"}, ["PersonUpdated"]),
        ({"email": "julia@nexora.example"}, ["PersonUpdated"]),
        ({"email": "JULIO@nexora.example"}, ["PersonUpdated"]),
        ({"name": "Julio"}, []),
        ({}, []),
    ],
    ids=str,
)
def test_a_person_is_changed(changes: dict[str, Any], events: list[str], driver: CommandDriver) -> None:
    event_count = driver.count_events()
    position = driver.administration.update_person(driver.build_context(), driver.julio, changes)
    assert driver.log.list_event_names(since=event_count) == events
    assert position == (driver.count_events() if events else None)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        pytest.param(lambda driver: driver.add_person("Anna"), EmailTaken, id="an address that somebody has"),
        pytest.param(
            lambda driver: driver.add_person("Other", email="ANNA@nexora.example"), EmailTaken, id="in capitals too"
        ),
        pytest.param(
            lambda driver: driver.administration.update_person(
                driver.build_context(), driver.julio, {"email": "anna@nexora.example"}
            ),
            EmailTaken,
            id="a change to an address that somebody has",
        ),
        pytest.param(
            lambda driver: driver.administration.update_person(
                driver.build_admin_context(), driver.founder, {"roles": ("member",)}
            ),
            Invalid,
            id="an admin's own role",
        ),
        pytest.param(
            lambda driver: driver.administration.deactivate_person(driver.build_admin_context(), driver.founder),
            Invalid,
            id="deactivating oneself",
        ),
        pytest.param(
            lambda driver: driver.administration.create_meeting_type(
                driver.build_context(role="manager"), MeetingTypeProperties(name="Long", duration_minutes=60)
            ),
            Forbidden,
            id="a meeting type of a manager",
        ),
        pytest.param(
            lambda driver: driver.administration.update_meeting_type(
                driver.build_context(role="manager"), driver.meeting_type, {"name": "A"}
            ),
            Forbidden,
            id="a change of it by a manager",
        ),
    ],
)
def test_is_refused(command: Callable[[CommandDriver], Any], refusal: type[Refusal], driver: CommandDriver) -> None:
    event_count = driver.count_events()
    with pytest.raises(refusal):
        command(driver)
    assert driver.count_events() == event_count


def test_an_address_is_claimed_by_the_append_too(driver: CommandDriver) -> None:
    """Somebody takes the address after it was looked up: the claim of the append is what decides."""
    driver.log.claims["email", "new@nexora.example"] = driver.anna
    driver.log.find_claims = lambda kind, values: {}  # type: ignore[method-assign, assignment]
    with pytest.raises(EmailTaken):
        driver.add_person("New")


def test_a_person_leaves_and_returns(driver: CommandDriver) -> None:
    event_count = driver.count_events()
    for command in (driver.administration.deactivate_person, driver.administration.activate_person):
        assert command(driver.build_admin_context(), driver.julio)
        assert command(driver.build_admin_context(), driver.julio) is None
    assert driver.log.list_event_names(since=event_count) == ["PersonDeactivated", "PersonActivated"]
    assert driver.application.load_aggregate(Person, driver.julio).active


def test_an_admin_takes_the_role_from_another(driver: CommandDriver) -> None:
    other = driver.add_person("Other", roles=("admin",))
    assert driver.administration.update_person(driver.build_admin_context(), other, {"roles": ("member",)})


def test_a_meeting_type_is_changed(driver: CommandDriver) -> None:
    event_count = driver.count_events()
    update = driver.administration.update_meeting_type
    assert update(driver.build_admin_context(), driver.meeting_type, {"duration_minutes": 60}, version=1)
    assert update(driver.build_admin_context(), driver.meeting_type, {"duration_minutes": 60}) is None
    assert driver.log.list_event_names(since=event_count) == ["MeetingTypeUpdated"]
