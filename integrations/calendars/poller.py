"""Looking at calendars in the background: each when it is due, in any process, a few at a time."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import TypeVar
from uuid import UUID, uuid5

from httpx2 import InvalidURL

from api.clock import now
from domain.refusals import ReadModelBehind
from integrations.calendars.accounts import Account
from integrations.calendars.sync import LEASE, Keeping
from integrations.calendars.thread_pool import Hands
from projections import people
from projections.following.background_worker import Supervised, Worker
from projections.people import CalendarFacts
from store.busy_calendars import Calendar
from store.credentials.encrypted_secrets import SealBroken

log = logging.getLogger("oncelink")

T = TypeVar("T")
IDLE_SECONDS = 2.0
AT_ONCE = 3
FOR_PEOPLE, MOST_WAITING = 2, 8


class Fetcher(Worker):
    """Leases what is due, and has it looked at; people who add a calendar have hands of their own."""

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        self.hands = Hands("calendars", AT_ONCE, AT_ONCE)
        self.people_hands = Hands("calendars of people who wait", FOR_PEOPLE, MOST_WAITING)
        self.idle = IDLE_SECONDS
        self.known: dict[UUID, CalendarFacts] | None = None
        self._wake = Event()
        self._thread = Supervised("calendars", self._work)

    def stop(self) -> None:
        """Begins nothing more. A look at hand is given up with the process; its lease ends by itself."""
        self._thread.stopping.set()
        self._wake.set()
        self._thread.stop()

    def wake(self) -> None:
        """Says that something may be due; returns at once."""
        self._wake.set()

    def do(self, work: Callable[[], T]) -> Future[T] | None:
        """Has something done for somebody who waits for it; None when too many do."""
        return self.people_hands.do(work)

    def _work(self) -> None:
        """Follows people's changes and begins what is due, until stopped."""
        while not self._thread.stopping.is_set():
            self._wake.clear()
            self.follow_people()
            free = self.hands.free
            for calendar in self.keeping.store.lease(now(), now() + LEASE, free) if free else ():
                self.hands.do(lambda calendar=calendar: self.look(calendar))  # type: ignore[misc]
            self._thread.succeeded()
            self._wake.wait(self.idle)

    def look(self, calendar: Calendar) -> None:
        """Looks at one calendar; if the database is away, somebody else does when its lease is over."""
        try:
            self.keeping.look(calendar)
        except Exception as error:
            if not self._thread.stopping.is_set():
                log.warning("calendar %s will be looked at again: %s", calendar.id, type(error).__name__)
        self.wake()

    def follow_people(self) -> None:
        """Gives each person with a busy feed its calendar, and looks again where a zone or somebody's state changed."""
        try:
            facts = people.with_calendars(self.keeping.live(), self.keeping.store.people())
        except ReadModelBehind:
            return
        if facts == self.known:
            return
        self.follow_feeds(facts)
        zones = {id: one["time_zone"] for id, one in facts.items() if one["active"]}
        self.keeping.store.due_for_zones(zones, now())
        self.known = facts

    def follow_feeds(self, facts: dict[UUID, CalendarFacts]) -> None:
        """Adds, changes and removes the calendars that are people's busy_feed_url."""
        kept = {calendar.person_id: calendar for calendar in self.keeping.store.of_profiles()}
        wanted = {id: one["busy_feed_url"] for id, one in facts.items() if one["busy_feed_url"]}
        for id in kept.keys() - wanted.keys():
            self.keeping.store.remove(kept[id].id)
        for id, url in wanted.items():
            self.follow_feed(id, url, kept.get(id))

    def follow_feed(self, person_id: UUID, url: str, kept: Calendar | None) -> None:
        """Has the calendar of a person's busy_feed_url lead there."""
        keeping, account = self.keeping, Account("feed", url)
        if kept is None:
            id = feed_id(person_id)
            sealed = keeping.seals.seal(id, account.as_secret())
            keeping.store.add(id, person_id, "feed", host_of(account), sealed, now(), of_profile=True)
        elif self.address(kept) != url:
            sealed = keeping.seals.seal(kept.id, account.as_secret())
            keeping.store.reseal(kept.id, host_of(account), sealed, now())

    def address(self, calendar: Calendar) -> str | None:
        """Where a kept calendar leads; None when that can no longer be read."""
        try:
            return self.keeping.account(calendar).url
        except SealBroken:
            return None


def feed_id(person_id: UUID) -> UUID:
    """The id of the calendar that is a person's busy_feed_url."""
    return uuid5(person_id, "busy_feed_url")


def host_of(account: Account) -> str:
    """The server's name, as far as the address has one."""
    try:
        return account.host or "feed"
    except (InvalidURL, ValueError):
        return "feed"
