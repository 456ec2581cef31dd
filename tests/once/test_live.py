"""What is changed while guests book flat out holds from its position in the log on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

import httpx2
import pytest

from tests.once.conftest import Office
from tests.once.guests import books, outcome
from tests.once.server_processes import wait_until

GUESTS = 8
ENOUGH = 12
ISSUED = 100
EDITS = 6
BOOKED_AFTER = """
SELECT count(*) AS n FROM {schema}.events
WHERE type = 'MeetingBooked.v1' AND data ->> 'link_id' = %s AND position > %s
"""
BOOKED_ON_WRONG_VERSION = """
SELECT count(*) AS n FROM {schema}.events booked
WHERE booked.type = 'MeetingBooked.v1' AND (booked.data ->> 'meeting_type_version')::int IS DISTINCT FROM (
    SELECT max(version) FROM {schema}.events current
    WHERE current.stream_id = (booked.data ->> 'meeting_type_id')::uuid AND current.position < booked.position
)
"""
BOOKED_ON_VERSIONS = """
SELECT count(DISTINCT data -> 'meeting_type_version') AS n FROM {schema}.events
WHERE type = 'MeetingBooked.v1' AND data ->> 'meeting_type_id' = %s
"""


@dataclass
class Rush:
    """Guests who book single-use links of one link as fast as they can, by every server in turn."""

    running: list[httpx2.Client]
    codes: list[str]
    starts: list[str]
    stopped: Event = field(default_factory=Event)
    seen: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    next: int = 0

    def guest(self, number: int) -> None:
        """One guest after the other, until nothing is left or the rush is over."""
        while not self.stopped.is_set() and (turn := self.turn()) is not None:
            answer = books(self.running[number % 2], self.codes[turn], self.starts[turn])
            with self.lock:
                self.seen.append(outcome(answer))

    def turn(self) -> int | None:
        """The number of a link that nobody has tried yet."""
        with self.lock:
            self.next += 1
            return self.next - 1 if self.next <= len(self.codes) else None

    def count(self, what: str) -> int:
        """How often this was answered so far."""
        with self.lock:
            return self.seen.count(what)


@dataclass(frozen=True)
class Change:
    """What somebody changes, and what guests are told from then on."""

    make: Callable[[Office, dict[str, Any], str], httpx2.Response]
    refusal: str
    rounds: int = 2


def disable(office: Office, link: dict[str, Any], _: str) -> httpx2.Response:
    return office.house.send("POST", f"/v1/links/{link['id']}/disable", who="manager")


def delete(office: Office, link: dict[str, Any], _: str) -> httpx2.Response:
    return office.house.send("DELETE", f"/v1/links/{link['id']}", who="manager")


def expire(office: Office, link: dict[str, Any], _: str) -> httpx2.Response:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    return office.house.send("PATCH", f"/v1/links/{link['id']}", {"expires_at": past}, "manager")


def deactivate(office: Office, _: dict[str, Any], co_host: str) -> httpx2.Response:
    return office.house.send("POST", f"/v1/people/{office.house.ids[co_host]}/deactivate", who="admin")


def take_hours(office: Office, _: dict[str, Any], co_host: str) -> httpx2.Response:
    return office.house.send("PATCH", "/v1/me", {"weekly_hours": {}}, co_host)


CHANGES = {
    "disabled": Change(disable, "410 link_disabled", rounds=4),
    "deleted": Change(delete, "410 link_deleted"),
    "expired": Change(expire, "410 link_expired"),
    "person deactivated": Change(deactivate, "422 slot_not_offered"),
    "weekly hours removed": Change(take_hours, "422 slot_not_offered"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_booked_after_the_change(name: str, office: Office) -> None:
    change = CHANGES[name]
    for _ in range(change.rounds):
        host, co_host = office.host(), office.host()
        link = office.link(host, co_host)
        position = changed_in_a_rush(office, change, rush_on(office, link, host), link, co_host)
        assert office.database.rows(BOOKED_AFTER, (link["id"], position))[0]["n"] == 0


def changed_in_a_rush(office: Office, change: Change, rush: Rush, link: dict[str, Any], co_host: str) -> int:
    """Makes a change while guests are booking, and waits until they are refused; its position."""
    with rushing(rush):
        wait_until(lambda: rush.count("201") >= ENOUGH, "guests book")
        answer = change.make(office, link, co_host)
        wait_until(lambda: rush.count(change.refusal) >= GUESTS or len(rush.seen) == ISSUED, "guests are refused")
    assert set(rush.seen) == {"201", change.refusal}
    return int(answer.headers["Oncelink-Position"])


def test_every_booking_is_decided_on_the_meeting_type_of_its_position(office: Office) -> None:
    host = office.host()
    meeting_type = office.meeting_type()
    rush = rush_on(office, office.link(host, meeting_type_id=meeting_type), host)
    with rushing(rush):
        for number in range(EDITS):
            wait_until(lambda: rush.count("201") >= ENOUGH * (number + 1), "guests book")  # noqa: B023 called at once
            change = {"location": f"Room {number}", "buffer_after_minutes": number % 2}
            office.house.patch(f"/v1/meeting-types/{meeting_type}", change, "admin")
        wait_until(lambda: len(rush.seen) == ISSUED, "every link was tried")
    assert set(rush.seen) == {"201"}
    assert office.database.rows(BOOKED_ON_WRONG_VERSION)[0]["n"] == 0
    assert office.database.rows(BOOKED_ON_VERSIONS, (meeting_type,))[0]["n"] >= EDITS


def rush_on(office: Office, link: dict[str, Any], host: str) -> Rush:
    """A rush on new single-use links, each with a slot of its own."""
    codes = office.house.codes(link, ISSUED, host)
    return Rush(office.running, codes, office.house.slots(codes[0], days=2 * ISSUED // 48 + 1)[::2])


@contextmanager
def rushing(rush: Rush) -> Iterator[None]:
    """While this lasts, guests book."""
    with ThreadPoolExecutor(GUESTS) as threads:
        guests = [threads.submit(rush.guest, number) for number in range(GUESTS)]
        try:
            yield
        finally:
            rush.stopped.set()
    for guest in guests:
        guest.result()
