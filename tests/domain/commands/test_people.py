"""Commands on people and meeting types: what they append, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.meeting_type import MeetingTypeProperties
from domain.person import Person
from domain.refusals import EmailTaken, Forbidden, Invalid, Refusal
from tests.domain.commands.organisation import Organisation


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
def test_a_person_is_changed(changes: dict[str, Any], events: list[str], organisation: Organisation) -> None:
    event_count = organisation.count_events()
    position = organisation.administration.update_person(organisation.build_context(), organisation.julio, changes)
    assert organisation.log.list_event_names(since=event_count) == events
    assert position == (organisation.count_events() if events else None)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        pytest.param(lambda o: o.add_person("Anna"), EmailTaken, id="an address that somebody has"),
        pytest.param(lambda o: o.add_person("Other", email="ANNA@nexora.example"), EmailTaken, id="in capitals too"),
        pytest.param(
            lambda o: o.administration.update_person(o.build_context(), o.julio, {"email": "anna@nexora.example"}),
            EmailTaken,
            id="a change to an address that somebody has",
        ),
        pytest.param(
            lambda o: o.administration.update_person(o.build_admin_context(), o.founder, {"roles": ("member",)}),
            Invalid,
            id="an admin's own role",
        ),
        pytest.param(
            lambda o: o.administration.deactivate_person(o.build_admin_context(), o.founder),
            Invalid,
            id="deactivating oneself",
        ),
        pytest.param(
            lambda o: o.administration.create_meeting_type(
                o.build_context(role="manager"), MeetingTypeProperties(name="Long", duration_minutes=60)
            ),
            Forbidden,
            id="a meeting type of a manager",
        ),
        pytest.param(
            lambda o: o.administration.update_meeting_type(
                o.build_context(role="manager"), o.meeting_type, {"name": "A"}
            ),
            Forbidden,
            id="a change of it by a manager",
        ),
    ],
)
def test_is_refused(command: Callable[[Organisation], Any], refusal: type[Refusal], organisation: Organisation) -> None:
    event_count = organisation.count_events()
    with pytest.raises(refusal):
        command(organisation)
    assert organisation.count_events() == event_count


def test_an_address_is_claimed_by_the_append_too(organisation: Organisation) -> None:
    """Somebody takes the address after it was looked up: the claim of the append is what decides."""
    organisation.log.claims["email", "new@nexora.example"] = organisation.anna
    organisation.log.find_claims = lambda kind, values: {}  # type: ignore[method-assign, assignment]
    with pytest.raises(EmailTaken):
        organisation.add_person("New")


def test_a_person_leaves_and_returns(organisation: Organisation) -> None:
    event_count = organisation.count_events()
    for command in (organisation.administration.deactivate_person, organisation.administration.activate_person):
        assert command(organisation.build_admin_context(), organisation.julio)
        assert command(organisation.build_admin_context(), organisation.julio) is None
    assert organisation.log.list_event_names(since=event_count) == ["PersonDeactivated", "PersonActivated"]
    assert organisation.application.load_aggregate(Person, organisation.julio).active


def test_an_admin_takes_the_role_from_another(organisation: Organisation) -> None:
    other = organisation.add_person("Other", roles=("admin",))
    assert organisation.administration.update_person(organisation.build_admin_context(), other, {"roles": ("member",)})


def test_a_meeting_type_is_changed(organisation: Organisation) -> None:
    event_count = organisation.count_events()
    update = organisation.administration.update_meeting_type
    assert update(organisation.build_admin_context(), organisation.meeting_type, {"duration_minutes": 60}, version=1)
    assert update(organisation.build_admin_context(), organisation.meeting_type, {"duration_minutes": 60}) is None
    assert organisation.log.list_event_names(since=event_count) == ["MeetingTypeUpdated"]
