"""A change that happens while guests book at full speed is in force from its position in the log on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

import httpx2
import pytest

from tests.once.conftest import Deployment
from tests.once.guests import book_slot, to_outcome
from tests.waiting import wait_until

GUESTS = 8
MIN_BOOKINGS = 12
LINKS = 100
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
class BookingLoad:
    """Guests who book single-use links of one link as fast as they can, alternating between the servers."""

    clients: list[httpx2.Client]
    codes: list[str]
    starts: list[str]
    stopped: Event = field(default_factory=Event)
    outcomes: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    taken_turns: int = 0

    def book_until_stopped(self, number: int) -> None:
        """Book one link after the other, until none is left or the load stops."""
        while not self.stopped.is_set() and (turn := self.take_turn()) is not None:
            response = book_slot(self.clients[number % 2], self.codes[turn], self.starts[turn])
            with self.lock:
                self.outcomes.append(to_outcome(response))

    def take_turn(self) -> int | None:
        """Take the number of a link that nobody has tried yet."""
        with self.lock:
            self.taken_turns += 1
            return self.taken_turns - 1 if self.taken_turns <= len(self.codes) else None

    def count_outcome(self, outcome_name: str) -> int:
        """Count how often an outcome was seen so far."""
        with self.lock:
            return self.outcomes.count(outcome_name)


@dataclass(frozen=True)
class Change:
    """A change, and the refusal that guests get from then on."""

    apply_change: Callable[[Deployment, dict[str, Any], str], httpx2.Response]
    refusal: str
    rounds: int = 2


def disable_link(deployment: Deployment, link: dict[str, Any], _: str) -> httpx2.Response:
    return deployment.api.send_request("POST", f"/v1/links/{link['id']}/disable", who="manager")


def delete_link(deployment: Deployment, link: dict[str, Any], _: str) -> httpx2.Response:
    return deployment.api.send_request("DELETE", f"/v1/links/{link['id']}", who="manager")


def expire_link(deployment: Deployment, link: dict[str, Any], _: str) -> httpx2.Response:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    return deployment.api.send_request("PATCH", f"/v1/links/{link['id']}", {"expires_at": past}, "manager")


def deactivate_co_host(deployment: Deployment, _: dict[str, Any], co_host: str) -> httpx2.Response:
    return deployment.api.send_request("POST", f"/v1/people/{deployment.api.ids[co_host]}/deactivate", who="admin")


def remove_weekly_hours(deployment: Deployment, _: dict[str, Any], co_host: str) -> httpx2.Response:
    return deployment.api.send_request("PATCH", "/v1/me", {"weekly_hours": {}}, co_host)


CHANGES = {
    "disabled": Change(disable_link, "410 link_disabled", rounds=4),
    "deleted": Change(delete_link, "410 link_deleted"),
    "expired": Change(expire_link, "410 link_expired"),
    "person deactivated": Change(deactivate_co_host, "422 slot_not_offered"),
    "weekly hours removed": Change(remove_weekly_hours, "422 slot_not_offered"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_booked_after_the_change(name: str, deployment: Deployment) -> None:
    change = CHANGES[name]
    for _ in range(change.rounds):
        host, co_host = deployment.add_host(), deployment.add_host()
        link = deployment.create_link(host, co_host)
        position = apply_change_under_load(deployment, change, create_load(deployment, link, host), link, co_host)
        assert deployment.database.fetch_rows(BOOKED_AFTER, (link["id"], position))[0]["n"] == 0


def apply_change_under_load(
    deployment: Deployment, change: Change, load: BookingLoad, link: dict[str, Any], co_host: str
) -> int:
    """Make a change while guests book, and wait until they are refused. Return its position."""
    with run_load(load):
        wait_until(lambda: load.count_outcome("201") >= MIN_BOOKINGS, "guests book")
        response = change.apply_change(deployment, link, co_host)
        wait_until(
            lambda: load.count_outcome(change.refusal) >= GUESTS or len(load.outcomes) == LINKS, "guests are refused"
        )
    assert set(load.outcomes) == {"201", change.refusal}
    return int(response.headers["Oncelink-Position"])


def test_every_booking_is_decided_on_the_meeting_type_of_its_position(deployment: Deployment) -> None:
    host = deployment.add_host()
    meeting_type = deployment.create_meeting_type()
    load = create_load(deployment, deployment.create_link(host, meeting_type_id=meeting_type), host)
    with run_load(load):
        for number in range(EDITS):
            wait_until(lambda: load.count_outcome("201") >= MIN_BOOKINGS * (number + 1), "guests book")  # noqa: B023 called at once
            change = {"location": f"Room {number}", "buffer_after_minutes": number % 2}
            deployment.api.patch(f"/v1/meeting-types/{meeting_type}", change, "admin")
        wait_until(lambda: len(load.outcomes) == LINKS, "every link was tried")
    assert set(load.outcomes) == {"201"}
    assert deployment.database.fetch_rows(BOOKED_ON_WRONG_VERSION)[0]["n"] == 0
    assert deployment.database.fetch_rows(BOOKED_ON_VERSIONS, (meeting_type,))[0]["n"] >= EDITS


def create_load(deployment: Deployment, link: dict[str, Any], host: str) -> BookingLoad:
    """Create a load on new single-use links, each with its own slot."""
    codes = deployment.api.create_codes(link, LINKS, host)
    return BookingLoad(deployment.clients, codes, deployment.api.list_slots(codes[0], days=2 * LINKS // 48 + 1)[::2])


@contextmanager
def run_load(load: BookingLoad) -> Iterator[None]:
    """Run the load while the context lasts."""
    with ThreadPoolExecutor(GUESTS) as threads:
        futures = [threads.submit(load.book_until_stopped, number) for number in range(GUESTS)]
        try:
            yield
        finally:
            load.stopped.set()
    for future in futures:
        future.result()
