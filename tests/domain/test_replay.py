"""Every aggregate replays any event: an event of another kind moves the version and changes nothing else."""

from typing import Any
from uuid import uuid4

import pytest

from domain.aggregate import Aggregate
from domain.erasure import Erasure
from domain.event import Event
from domain.link import LinkDisabled
from domain.person import PersonDeactivated
from tests.domain.example import JULIO, at, booked, issued, link, meeting_type, person
from tests.domain.test_managed_link import managed_link

AGGREGATES: dict[str, Any] = {
    "person": (person(), LinkDisabled),
    "meeting type": (meeting_type(), LinkDisabled),
    "managed link": (managed_link(), LinkDisabled),
    "link": (link(), PersonDeactivated),
    "issued token": (issued(), LinkDisabled),
    "booked token": (booked(), PersonDeactivated),
    "erasure": (Erasure.end(uuid4(), at()), LinkDisabled),
}


def state(aggregate: Aggregate) -> dict[str, Any]:
    """Everything that an aggregate knows, without its version."""
    return {name: value for name, value in vars(aggregate).items() if name != "version"}


@pytest.mark.parametrize(("aggregate", "kind"), AGGREGATES.values(), ids=AGGREGATES)
def test_ignores_an_event_of_another_kind(aggregate: Aggregate, kind: type[Event]) -> None:
    event = kind.next_of(aggregate.id, aggregate.version + 1, at())
    later = aggregate.after([event])
    assert state(later) == state(aggregate)
    assert later.version == aggregate.version + 1


def test_an_aggregate_says_how_its_events_become_state() -> None:
    with pytest.raises(NotImplementedError):
        Aggregate(JULIO).evolve(LinkDisabled.next_of(JULIO, 1, at()))
