"""A booking costs at most two round trips, however many meetings there are; counted on the wire."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from api.startup import opened
from tests.api_driver import House
from tests.once.database_proxy import Proxy
from tests.once.guests import books

WARM = 16  # a connection prepares a statement when it has seen it five times, and there are two of them
MANY = 200


@pytest.fixture
def quiet_house(behind_proxy: Settings) -> Iterator[House]:
    """A service without a follower and other background work, so that every request is a guest's."""
    app = build(behind_proxy)
    app.state.oncelink = opened(behind_proxy)
    yield House.furnished(TestClient(app))
    app.state.oncelink.close()


def test_a_booking_takes_two_round_trips(quiet_house: House, proxy: Proxy) -> None:
    codes = quiet_house.codes(link := quiet_house.link(), 80)
    starts = iter(quiet_house.slots(codes[0], days=10))
    doors = {"single-use": codes, "core": [link["slug"]] * len(codes)}
    for _ in range(WARM):
        costs(quiet_house, proxy, doors, starts)
    early = costs(quiet_house, proxy, doors, starts)
    while len(quiet_house.oncelink.database.rows("SELECT booking_id FROM {schema}.reservations")) < MANY:
        quiet_house.book(link["slug"], next(starts))
    for _ in range(WARM // 2):
        costs(quiet_house, proxy, doors, starts)
    assert costs(quiet_house, proxy, doors, starts) == early
    assert early == {("single-use", False): 2, ("single-use", True): 2, ("core", False): 1, ("core", True): 2}


def costs(
    house: House, proxy: Proxy, doors: dict[str, list[str]], starts: Iterator[str]
) -> dict[tuple[str, bool], int]:
    """The round trips of a booking by each kind of link, without and with an Idempotency-Key."""
    counted = {}
    for kind, codes in doors.items():
        for with_key in (False, True):
            before = len(proxy.requests)
            key = uuid4().hex if with_key else None
            assert books(house.client, codes.pop(), next(starts), key).status_code == 201
            counted[kind, with_key] = len(proxy.requests) - before
    return counted
