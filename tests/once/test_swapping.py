"""Meetings of the same hosts change places at once, again and again: they never overlap, and none is lost."""

import random
from functools import partial

import httpx2

from tests.api_driver import code_of
from tests.once.conftest import Office
from tests.once.guests import check_calendar, outcome

ROUNDS = 25
QUARTER = {"slot_step_minutes": 15}
Places = dict[str, str]


def test_meetings_change_places(office: Office) -> None:
    """Each wants the place of the other; then one steps aside, and they can."""
    places, starts = two_meetings(office)
    first, second = places
    free = starts[8]
    for _ in range(ROUNDS):
        wanted = {first: places[second], second: places[first]}
        assert moved(office, places, wanted) == 0  # neither goes before the other has gone
        left = places[first]
        assert moved(office, places, {first: free, second: left}) >= 1
        free = next(start for start in (starts[0], starts[4], starts[8]) if start not in places.values())
    check_places(office, places)
    check_calendar(office.database)


def test_meetings_move_into_each_other(office: Office) -> None:
    """Both move at once to places that overlap in every way, or not at all."""
    places, starts = two_meetings(office)
    chance = random.Random(1)
    moves = 0
    for _ in range(ROUNDS):
        moves += moved(office, places, elsewhere(chance, places, starts[:7]))
        check_places(office, places)
    assert moves > ROUNDS // 4
    check_calendar(office.database)


def two_meetings(office: Office) -> tuple[Places, list[str]]:
    """Where two meetings of the same two people are, the hosts in crossed order, and the times they may move to."""
    meeting_type = office.meeting_type(**QUARTER)
    one, other = office.host(), office.host()
    links = [(one, other), (other, one)]
    codes = [office.house.codes(office.link(*who, meeting_type_id=meeting_type), 1, who[0])[0] for who in links]
    starts = office.house.slots(codes[0], days=1)
    made = [office.house.book(code, start) for code, start in zip(codes, (starts[0], starts[4]), strict=True)]
    return {code_of(booking["manage_url"]): booking["booking"]["start"] for booking in made}, starts


def elsewhere(chance: random.Random, places: Places, starts: list[str]) -> Places:
    """Another place for each meeting, by chance."""
    return {code: chance.choice([start for start in starts if start != place]) for code, place in places.items()}


def moved(office: Office, places: Places, wanted: Places) -> int:
    """Asks to move each meeting, all at once, each by another server; how many are in another place now."""
    calls = [partial(move, office.running[n % 2], code, start) for n, (code, start) in enumerate(wanted.items())]
    answers = dict(zip(wanted, office.together(calls), strict=True))
    assert {outcome(answer) for answer in answers.values()} <= {"200", "409 slot_taken"}
    done = {code: wanted[code] for code, answer in answers.items() if answer.status_code == 200}
    count = sum(places[code] != start for code, start in done.items())
    places.update(done)
    return count


def move(client: httpx2.Client, code: str, start: str) -> httpx2.Response:
    """One guest's rescheduling."""
    return client.post(f"/v1/manage/{code}/reschedule", json={"start": start})


def check_places(office: Office, places: Places) -> None:
    """Each meeting is where its guest was told."""
    shown = {code: office.house.get(f"/v1/manage/{code}")["booking"] for code in places}
    assert {code: booking["start"] for code, booking in shown.items()} == places
    assert {booking["status"] for booking in shown.values()} <= {"scheduled", "rescheduled"}
