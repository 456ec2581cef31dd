"""Meetings of the same hosts change places at once, again and again: they never overlap, and none is lost."""

import random
from functools import partial

import httpx2

from tests.api_driver import extract_code
from tests.once.conftest import Deployment
from tests.once.guests import check_calendar, to_outcome

ROUNDS = 25
QUARTER = {"slot_step_minutes": 15}
Places = dict[str, str]


def test_meetings_change_places(deployment: Deployment) -> None:
    """Each wants the place of the other; then one steps aside, and they can."""
    places, starts = create_two_meetings(deployment)
    first, second = places
    free_start = starts[8]
    for _ in range(ROUNDS):
        targets = {first: places[second], second: places[first]}
        assert move_meetings(deployment, places, targets) == 0  # neither goes before the other has gone
        previous = places[first]
        assert move_meetings(deployment, places, {first: free_start, second: previous}) >= 1
        free_start = next(start for start in (starts[0], starts[4], starts[8]) if start not in places.values())
    check_places(deployment, places)
    check_calendar(deployment.database)


def test_meetings_move_into_each_other(deployment: Deployment) -> None:
    """Both move at once to places that overlap in every way, or not at all."""
    places, starts = create_two_meetings(deployment)
    rng = random.Random(1)
    move_count = 0
    for _ in range(ROUNDS):
        move_count += move_meetings(deployment, places, choose_other_places(rng, places, starts[:7]))
        check_places(deployment, places)
    assert move_count > ROUNDS // 4
    check_calendar(deployment.database)


def create_two_meetings(deployment: Deployment) -> tuple[Places, list[str]]:
    """Create two meetings of the same two hosts in crossed order. Return their starts and the possible starts."""
    meeting_type = deployment.create_meeting_type(**QUARTER)
    first_host, second_host = deployment.add_host(), deployment.add_host()
    links = [(first_host, second_host), (second_host, first_host)]
    codes = [
        deployment.api.create_codes(deployment.create_link(*hosts, meeting_type_id=meeting_type), 1, hosts[0])[0]
        for hosts in links
    ]
    starts = deployment.api.list_slots(codes[0], days=1)
    bookings = [
        deployment.api.book_meeting(code, start) for code, start in zip(codes, (starts[0], starts[4]), strict=True)
    ]
    return {extract_code(booking["manage_url"]): booking["booking"]["start"] for booking in bookings}, starts


def choose_other_places(rng: random.Random, places: Places, starts: list[str]) -> Places:
    """Choose another random start for each meeting."""
    return {code: rng.choice([start for start in starts if start != place]) for code, place in places.items()}


def move_meetings(deployment: Deployment, places: Places, targets: Places) -> int:
    """Move each meeting, all at once, each by another server. Return how many moved."""
    calls = [
        partial(move_meeting, deployment.clients[n % 2], code, start) for n, (code, start) in enumerate(targets.items())
    ]
    responses = dict(zip(targets, deployment.run_simultaneously(calls), strict=True))
    assert {to_outcome(response) for response in responses.values()} <= {"200", "409 slot_taken"}
    succeeded = {code: targets[code] for code, response in responses.items() if response.status_code == 200}
    count = sum(places[code] != start for code, start in succeeded.items())
    places.update(succeeded)
    return count


def move_meeting(client: httpx2.Client, code: str, start: str) -> httpx2.Response:
    """Reschedule a meeting as its guest."""
    return client.post(f"/v1/manage/{code}/reschedule", json={"start": start})


def check_places(deployment: Deployment, places: Places) -> None:
    """Check that each meeting is where its guest was told."""
    bookings = {code: deployment.api.get(f"/v1/manage/{code}")["booking"] for code in places}
    assert {code: booking["start"] for code, booking in bookings.items()} == places
    assert {booking["status"] for booking in bookings.values()} <= {"scheduled", "rescheduled"}
