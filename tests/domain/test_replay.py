"""Every aggregate replays any event: an event of another kind moves the version and changes nothing else."""

from typing import Any
from uuid import uuid4

import pytest

from domain.aggregate import Aggregate
from domain.erasure import Erasure
from domain.event import Event
from domain.link import LinkDisabled
from domain.person import PersonDeactivated
from tests.domain.example import (
    JULIO,
    add_person,
    book_token,
    build_context,
    create_link,
    create_meeting_type,
    issue_token,
)
from tests.domain.test_managed_link import create_managed_link
from tests.domain.test_team import create_team

AGGREGATES: dict[str, Any] = {
    "person": (add_person(), LinkDisabled),
    "meeting type": (create_meeting_type(), LinkDisabled),
    "team": (create_team(), LinkDisabled),
    "managed link": (create_managed_link(), LinkDisabled),
    "link": (create_link(), PersonDeactivated),
    "issued token": (issue_token(), LinkDisabled),
    "booked token": (book_token(), PersonDeactivated),
    "erasure": (Erasure.create(uuid4(), build_context()), LinkDisabled),
}


def state(aggregate: Aggregate) -> dict[str, Any]:
    """Everything that an aggregate knows, without its version."""
    return {name: value for name, value in vars(aggregate).items() if name != "version"}


@pytest.mark.parametrize(("aggregate", "kind"), AGGREGATES.values(), ids=AGGREGATES)
def test_ignores_an_event_of_another_kind(aggregate: Aggregate, kind: type[Event]) -> None:
    event = kind.from_context(aggregate.id, aggregate.version + 1, build_context())
    later = aggregate.copy_with_events([event])
    assert state(later) == state(aggregate)
    assert later.version == aggregate.version + 1


def test_an_aggregate_says_how_its_events_become_state() -> None:
    with pytest.raises(NotImplementedError):
        Aggregate(JULIO).evolve(LinkDisabled.from_context(JULIO, 1, build_context()))
