"""One slot goes to one guest, however many ask for it at once through different single-use links."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.once.conftest import Deployment
from tests.once.guests import book_slot, check_calendar, count_bookings, count_outcomes, run_concurrently

GUESTS = 50

Links = list[tuple[str, dict[str, Any]]]


def create_link_of_one_host(deployment: Deployment) -> Links:
    """Create a link whose only host is the same for all guests."""
    host = deployment.add_host()
    return [(host, deployment.create_link(host))]


def create_link_with_co_host(deployment: Deployment) -> Links:
    """Create a link of a host and a co-host."""
    host = deployment.add_host()
    return [(host, deployment.create_link(host, deployment.add_host()))]


def create_links_with_shared_co_host(deployment: Deployment) -> Links:
    """Create links of two hosts who share a co-host."""
    co_host = deployment.add_host()
    return [(host, deployment.create_link(host, co_host)) for host in (deployment.add_host(), deployment.add_host())]


def create_links_with_crossed_hosts(deployment: Deployment) -> Links:
    """Create links of the same two people: the host of one is the co-host of the other."""
    first_host, second_host = deployment.add_host(), deployment.add_host()
    return [
        (first_host, deployment.create_link(first_host, second_host)),
        (second_host, deployment.create_link(second_host, first_host)),
    ]


@pytest.mark.parametrize(
    "publish",
    [
        create_link_of_one_host,
        create_link_with_co_host,
        create_links_with_shared_co_host,
        create_links_with_crossed_hosts,
    ],
)
def test_one_guest_gets_the_slot(publish: Callable[[Deployment], Links], deployment: Deployment) -> None:
    links = publish(deployment)
    codes_by_link = [deployment.api.create_codes(link, GUESTS // len(links), host) for host, link in links]
    codes = [code for codes_of_turn in zip(*codes_by_link, strict=True) for code in codes_of_turn]
    slot, *other_slots = deployment.api.list_slots(codes[0])
    calls = [partial(book_slot, deployment.clients[n // 2 % 2], code, slot) for n, code in enumerate(codes)]
    responses = deployment.run_simultaneously(calls, find_shared_host(links), slot)
    assert count_outcomes(responses) == {"201": 1, "409 slot_taken": GUESTS - 1}
    losers = [code for code, response in zip(codes, responses, strict=True) if response.status_code == 409]
    retries = [partial(book_slot, deployment.clients[n % 2], code, other_slots[n]) for n, code in enumerate(losers)]
    assert count_outcomes(run_concurrently(retries)) == {"201": GUESTS - 1}
    assert count_bookings(deployment.database, *(link for _, link in links)) == GUESTS
    check_calendar(deployment.database)


def find_shared_host(links: Links) -> str:
    """Find the id of a person whose time every one of these links takes."""
    _, link = links[-1]
    return str(link["co_hosts"][0]["id"] if link["co_hosts"] else link["owner"]["id"])
