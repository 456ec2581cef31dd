"""A booking costs at most two round trips, however many meetings there are; counted on the wire."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from api.startup import open_services
from tests.api_driver import ApiDriver
from tests.once.database_proxy import DatabaseProxy
from tests.once.guests import book_slot

WARM_UP_BOOKINGS = 16  # a connection prepares a statement when it has seen it five times, and there are two of them
MORE_MEETINGS = 200


@pytest.fixture
def api_without_workers(proxied_settings: Settings) -> Iterator[ApiDriver]:
    """A service without a follower and other background work: every request to the database is a guest's.

    Its quotas are on, but so large that they refuse nothing.
    """
    settings = proxied_settings.model_copy(update={"guest_booking_quota": 1000, "guest_mail_quota": 1000})
    app = build_app(settings)
    app.state.services = open_services(settings)
    yield ApiDriver.create_organisation(TestClient(app))
    app.state.services.close()


def test_a_booking_takes_two_round_trips(api_without_workers: ApiDriver, proxy: DatabaseProxy) -> None:
    codes = api_without_workers.create_codes(link := api_without_workers.create_link(), 80)
    starts = iter(api_without_workers.list_slots(codes[0], days=10))
    codes_by_kind = {"single-use": codes, "core": [link["slug"]] * len(codes)}
    for _ in range(WARM_UP_BOOKINGS):
        measure_round_trips(api_without_workers, proxy, codes_by_kind, starts)
    first_costs = measure_round_trips(api_without_workers, proxy, codes_by_kind, starts)
    while (
        len(api_without_workers.services.database.fetch_rows("SELECT booking_id FROM {schema}.reservations"))
        < MORE_MEETINGS
    ):
        api_without_workers.book_meeting(link["slug"], next(starts))
    for _ in range(WARM_UP_BOOKINGS // 2):
        measure_round_trips(api_without_workers, proxy, codes_by_kind, starts)
    assert measure_round_trips(api_without_workers, proxy, codes_by_kind, starts) == first_costs
    assert first_costs == {("single-use", False): 2, ("single-use", True): 2, ("core", False): 1, ("core", True): 2}


def test_a_booking_with_a_team_takes_two_as_well(api_without_workers: ApiDriver, proxy: DatabaseProxy) -> None:
    api = api_without_workers
    members = [{"person_id": api.ids[who]} for who in ("engineer", "manager")]
    team_id = api.post("/v1/teams", {"name": "Team", "members": members}, "manager", 201)["id"]
    codes = api.create_codes(link := api.create_link(team_id=team_id), 40)
    starts = iter(api.list_slots(codes[0], days=10))
    codes_by_kind = {"single-use": codes, "core": [link["slug"]] * len(codes)}
    for code in codes:
        api.get(f"/v1/book/{code}")  # a guest looks before they book
    for _ in range(WARM_UP_BOOKINGS):
        measure_round_trips(api, proxy, codes_by_kind, starts)
    assert set(measure_round_trips(api, proxy, codes_by_kind, starts).values()) == {2}


def measure_round_trips(
    api: ApiDriver, proxy: DatabaseProxy, codes_by_kind: dict[str, list[str]], starts: Iterator[str]
) -> dict[tuple[str, bool], int]:
    """Measure the round trips of a booking by each kind of link, without and with an Idempotency-Key."""
    round_trips = {}
    for kind, codes in codes_by_kind.items():
        for with_key in (False, True):
            request_count = len(proxy.requests)
            key = uuid4().hex if with_key else None
            assert book_slot(api.client, codes.pop(), next(starts), key).status_code == 201
            round_trips[kind, with_key] = len(proxy.requests) - request_count
    return round_trips
