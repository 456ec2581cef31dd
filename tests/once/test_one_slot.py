"""One slot goes to one guest, however many ask for it at once through different single-use links."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.once.conftest import Office
from tests.once.guests import at_once, booked, books, check_calendar, outcomes

GUESTS = 50

Links = list[tuple[str, dict[str, Any]]]


def one_host(office: Office) -> Links:
    """A link whose only host is the same for all guests."""
    host = office.host()
    return [(host, office.link(host))]


def with_co_host(office: Office) -> Links:
    """A link of a host and a co-host."""
    host = office.host()
    return [(host, office.link(host, office.host()))]


def shared_co_host(office: Office) -> Links:
    """Links of two hosts who share a co-host."""
    co_host = office.host()
    return [(host, office.link(host, co_host)) for host in (office.host(), office.host())]


def crossed_hosts(office: Office) -> Links:
    """Links of the same two people: the host of one is the co-host of the other."""
    one, other = office.host(), office.host()
    return [(one, office.link(one, other)), (other, office.link(other, one))]


@pytest.mark.parametrize("publish", [one_host, with_co_host, shared_co_host, crossed_hosts])
def test_one_guest_gets_the_slot(publish: Callable[[Office], Links], office: Office) -> None:
    links = publish(office)
    issued = [office.house.codes(link, GUESTS // len(links), host) for host, link in links]
    codes = [code for turn in zip(*issued, strict=True) for code in turn]
    wanted, *others = office.house.slots(codes[0])
    calls = [partial(books, office.running[n // 2 % 2], code, wanted) for n, code in enumerate(codes)]
    answers = office.together(calls, shared_host(links), wanted)
    assert outcomes(answers) == {"201": 1, "409 slot_taken": GUESTS - 1}
    losers = [code for code, answer in zip(codes, answers, strict=True) if answer.status_code == 409]
    again = [partial(books, office.running[n % 2], code, others[n]) for n, code in enumerate(losers)]
    assert outcomes(at_once(again)) == {"201": GUESTS - 1}
    assert booked(office.database, *(link for _, link in links)) == GUESTS
    check_calendar(office.database)


def shared_host(links: Links) -> str:
    """The id of somebody whose time every one of these links takes."""
    _, link = links[-1]
    return str(link["co_hosts"][0]["id"] if link["co_hosts"] else link["owner"]["id"])
