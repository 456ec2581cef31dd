"""Meetings given to other hosts at the same instant as others are booked, moved and given away: nobody is met twice."""

import random
from functools import partial
from typing import Any

import httpx2

from tests.api_driver import GUEST, code_of
from tests.once.conftest import Office
from tests.once.guests import at_once, check_calendar, outcome, outcomes

ROUNDS = 25
Call = Any


def test_two_meetings_of_one_time_are_given_to_one_person(office: Office) -> None:
    """One of them is, the other stays where it was."""
    one, other, third = office.host(), office.host(), office.host()
    starts = office.house.slots(office.link(one)["slug"])
    for start in starts[:4]:
        meetings = [office.house.book(office.link(host)["slug"], start)["booking"]["id"] for host in (one, other)]
        calls = [partial(give, office.running[n], id, office.house, third) for n, id in enumerate(meetings)]
        assert outcomes(office.together(calls)) == {"200": 1, "409 slot_taken": 1}
        hosts = [office.house.get(f"/v1/bookings/{id}", "manager")["host"]["id"] for id in meetings]
        assert hosts.count(office.house.ids[third]) == 1
        assert set(hosts) < {office.house.ids[who] for who in (one, other, third)}
    check_calendar(office.database)


def test_against_a_guest_who_books_the_new_host(office: Office) -> None:
    """Either the guest gets the time, or the meeting its new host."""
    one, other = office.host(), office.host()
    link = office.link(other)["slug"]
    meetings = office.link(one)["slug"]
    for start in office.house.slots(meetings)[:4]:
        id = office.house.book(meetings, start)["booking"]["id"]
        calls: list[Call] = [
            partial(give, office.running[0], id, office.house, other),
            partial(office.running[1].post, f"/v1/book/{link}", json={"start": start, "guest": GUEST}),
        ]
        assert sorted(outcome(answer)[0] for answer in office.together(calls)) == ["2", "4"]
    check_calendar(office.database)


def test_everything_at_once(office: Office) -> None:
    """Meetings move, are given to each other's hosts and to nobody else's time, again and again."""
    chance = random.Random(7)
    hosts = [office.host() for _ in range(3)]
    links = [office.link(host, hosts[(n + 1) % 3]) for n, host in enumerate(hosts)]
    starts = office.house.slots(links[0]["slug"])[:6]
    made = [office.house.book(link["slug"], starts[2 * n]) for n, link in enumerate(links)]
    given = 0
    for _ in range(ROUNDS):
        calls: list[Call] = []
        for n, booking in enumerate(made):
            manage, id = code_of(booking["manage_url"]), booking["booking"]["id"]
            client = office.running[n % 2]
            calls.append(partial(give, client, id, office.house, chance.choice(hosts)))
            calls.append(partial(client.post, f"/v1/manage/{manage}/reschedule", json={"start": chance.choice(starts)}))
        answers = at_once(calls)
        assert {outcome(answer) for answer in answers} <= {"200", "409 slot_taken"}
        given += sum(answer.status_code == 200 for answer in answers[::2])
    assert given > ROUNDS
    check_calendar(office.database)


def give(client: httpx2.Client, id: str, house: Any, to: str) -> httpx2.Response:
    """A manager gives a meeting to somebody."""
    body = {"host_id": house.ids[to]}
    return client.post(f"/v1/bookings/{id}/reassign", json=body, headers=house.headers("manager"))
