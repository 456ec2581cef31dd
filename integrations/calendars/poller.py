"""Background fetching of calendars: each when it is due, in any process, a few at a time."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import TypeVar
from uuid import UUID, uuid5

from httpx2 import InvalidURL

from domain.refusals import ReadModelBehind
from integrations.calendars.accounts import Account
from integrations.calendars.sync import LEASE, CalendarSync
from integrations.calendars.thread_pool import ThreadPool
from projections import people
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.people import CalendarOwner
from store.busy_calendars import Calendar
from store.credentials.encrypted_secrets import DecryptionFailed

log = logging.getLogger("oncelink")

T = TypeVar("T")
IDLE_SECONDS = 2.0
CONCURRENT_FETCHES = 3
INTERACTIVE_THREADS, MAX_QUEUED = 2, 8


class CalendarFetcher(BackgroundWorker):
    """Leases due calendars and fetches them; requests that wait for a calendar use a thread pool of their own."""

    def __init__(self, calendar_sync: CalendarSync) -> None:
        self.calendar_sync = calendar_sync
        self.thread_pool = ThreadPool("calendars", CONCURRENT_FETCHES, CONCURRENT_FETCHES)
        self.interactive_pool = ThreadPool("calendars of people who wait", INTERACTIVE_THREADS, MAX_QUEUED)
        self.idle = IDLE_SECONDS
        self.last_owners: dict[UUID, CalendarOwner] | None = None
        self._wake = Event()
        self._thread = SupervisedThread("calendars", self._work)

    def stop(self) -> None:
        """Start no more fetches. A running one is given up with the process; its lease expires."""
        self._thread.stop_requested.set()
        self._wake.set()
        self._thread.stop()

    def wake(self) -> None:
        """Wake the fetcher: something may be due. Returns at once."""
        self._wake.set()

    def submit_work(self, work: Callable[[], T]) -> Future[T] | None:
        """Submit work that a request waits for; None when too much is queued."""
        return self.interactive_pool.submit_work(work)

    def _work(self) -> None:
        """Sync people's feeds and start what is due, until stopped."""
        while not self._thread.stop_requested.is_set():
            self._wake.clear()
            self.sync_people()
            free, now = self.thread_pool.free, self.calendar_sync.clock()
            for calendar in self.calendar_sync.store.lease_due_calendars(now, now + LEASE, free) if free else ():
                self.thread_pool.submit_work(lambda calendar=calendar: self.fetch_calendar(calendar))  # type: ignore[misc]
            self._thread.record_success()
            self._wake.wait(self.idle)

    def fetch_calendar(self, calendar: Calendar) -> None:
        """Fetch one calendar; when the database is away, another process does after the lease expires."""
        try:
            self.calendar_sync.sync_calendar(calendar)
        except Exception as error:
            if not self._thread.stop_requested.is_set():
                log.warning("calendar %s will be looked at again: %s", calendar.id, type(error).__name__)
        self.wake()

    def sync_people(self) -> None:
        """Sync the feeds of people's profiles, and refetch where a time zone or a person's state changed."""
        try:
            owners = people.find_calendar_owners(
                self.calendar_sync.get_live_source(), self.calendar_sync.store.list_person_ids()
            )
        except ReadModelBehind:
            return
        if owners == self.last_owners:
            return
        self.sync_feeds(owners)
        zones = {id: owner["time_zone"] for id, owner in owners.items() if owner["active"]}
        self.calendar_sync.store.mark_due_for_zones(zones, self.calendar_sync.clock())
        self.last_owners = owners

    def sync_feeds(self, owners: dict[UUID, CalendarOwner]) -> None:
        """Add, change and remove the calendars that come from people's busy_feed_url."""
        calendars = {calendar.person_id: calendar for calendar in self.calendar_sync.store.list_profile_calendars()}
        urls = {id: owner["busy_feed_url"] for id, owner in owners.items() if owner["busy_feed_url"]}
        for id in calendars.keys() - urls.keys():
            self.calendar_sync.store.remove_calendar(calendars[id].id)
        for id, url in urls.items():
            self.sync_feed(id, url, calendars.get(id))

    def sync_feed(self, person_id: UUID, url: str, calendar: Calendar | None) -> None:
        """Make the calendar of a person's busy_feed_url point to that URL."""
        calendar_sync, account, now = self.calendar_sync, Account("feed", url), self.calendar_sync.clock()
        if calendar is None:
            id = derive_feed_id(person_id)
            encrypted = calendar_sync.secret_cipher.encrypt_secret(id, account.to_secret())
            calendar_sync.store.add_calendar(id, person_id, "feed", get_host(account), encrypted, now, of_profile=True)
        elif self.read_url(calendar) != url:
            encrypted = calendar_sync.secret_cipher.encrypt_secret(calendar.id, account.to_secret())
            calendar_sync.store.replace_secret(calendar.id, get_host(account), encrypted, now)

    def read_url(self, calendar: Calendar) -> str | None:
        """Read a stored calendar's URL; None when it cannot be decrypted."""
        try:
            return self.calendar_sync.decrypt_account(calendar).url
        except DecryptionFailed:
            return None


def derive_feed_id(person_id: UUID) -> UUID:
    """Derive the id of the calendar that is a person's busy_feed_url."""
    return uuid5(person_id, "busy_feed_url")


def get_host(account: Account) -> str:
    """Get the server's name; "feed" when the URL has none."""
    try:
        return account.host or "feed"
    except (InvalidURL, ValueError):
        return "feed"
