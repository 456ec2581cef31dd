"""Meetings that are reassigned while others are booked, moved and reassigned: no host has two meetings at once."""

import random
from functools import partial
from typing import Any

import httpx2

from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.once.conftest import Deployment
from tests.once.guests import check_calendar, count_outcomes, run_concurrently, to_outcome

ROUNDS = 25
Call = Any


def test_two_meetings_of_one_time_are_given_to_one_person(deployment: Deployment) -> None:
    """One of them is, the other stays where it was."""
    first_host, second_host, third_host = deployment.add_host(), deployment.add_host(), deployment.add_host()
    starts = deployment.api.list_slots(deployment.create_link(first_host)["slug"])
    for start in starts[:4]:
        meetings = [
            deployment.api.book_meeting(deployment.create_link(host)["slug"], start)["booking"]["id"]
            for host in (first_host, second_host)
        ]
        calls = [
            partial(reassign_meeting, deployment.clients[n], id, deployment.api, third_host)
            for n, id in enumerate(meetings)
        ]
        assert count_outcomes(deployment.run_simultaneously(calls)) == {"200": 1, "409 slot_taken": 1}
        hosts = [deployment.api.get(f"/v1/bookings/{id}", "manager")["host"]["id"] for id in meetings]
        assert hosts.count(deployment.api.ids[third_host]) == 1
        assert set(hosts) < {deployment.api.ids[who] for who in (first_host, second_host, third_host)}
    check_calendar(deployment.database)


def test_against_a_guest_who_books_the_new_host(deployment: Deployment) -> None:
    """Either the guest gets the time, or the meeting its new host."""
    first_host, second_host = deployment.add_host(), deployment.add_host()
    link = deployment.create_link(second_host)["slug"]
    meetings = deployment.create_link(first_host)["slug"]
    for start in deployment.api.list_slots(meetings)[:4]:
        id = deployment.api.book_meeting(meetings, start)["booking"]["id"]
        calls: list[Call] = [
            partial(reassign_meeting, deployment.clients[0], id, deployment.api, second_host),
            partial(deployment.clients[1].post, f"/v1/book/{link}", json={"start": start, "guest": GUEST}),
        ]
        assert sorted(to_outcome(response)[0] for response in deployment.run_simultaneously(calls)) == ["2", "4"]
    check_calendar(deployment.database)


def test_everything_at_once(deployment: Deployment) -> None:
    """Meetings move, are given to each other's hosts and to nobody else's time, again and again."""
    rng = random.Random(7)
    hosts = [deployment.add_host() for _ in range(3)]
    links = [deployment.create_link(host, hosts[(n + 1) % 3]) for n, host in enumerate(hosts)]
    starts = deployment.api.list_slots(links[0]["slug"])[:6]
    bookings = [deployment.api.book_meeting(link["slug"], starts[2 * n]) for n, link in enumerate(links)]
    reassigned = 0
    for _ in range(ROUNDS):
        calls: list[Call] = []
        for n, booking in enumerate(bookings):
            manage_code, id = extract_code(booking["manage_url"]), booking["booking"]["id"]
            client = deployment.clients[n % 2]
            calls.append(partial(reassign_meeting, client, id, deployment.api, rng.choice(hosts)))
            calls.append(
                partial(client.post, f"/v1/manage/{manage_code}/reschedule", json={"start": rng.choice(starts)})
            )
        responses = run_concurrently(calls)
        assert {to_outcome(response) for response in responses} <= {"200", "409 slot_taken"}
        reassigned += sum(response.status_code == 200 for response in responses[::2])
    assert reassigned > ROUNDS
    check_calendar(deployment.database)


def reassign_meeting(client: httpx2.Client, id: str, api: ApiDriver, host_name: str) -> httpx2.Response:
    """Reassign a meeting as a manager."""
    body = {"host_id": api.ids[host_name]}
    return client.post(f"/v1/bookings/{id}/reassign", json=body, headers=api.build_headers("manager"))
