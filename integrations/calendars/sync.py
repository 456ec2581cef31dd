"""Keeping calendars: the first look before one is kept, every later look, and what is said when it failed."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from api.clock import now
from domain.availability.hours import Interval
from domain.commands.scheduling import Scheduling
from domain.event import Actor, Context
from domain.person import Person
from domain.refusals import ReadModelBehind
from integrations.calendars.accounts import Account
from integrations.calendars.errors import Trouble
from integrations.calendars.fetch import Seen, Validators, look
from integrations.calendars.http_client import Web
from integrations.calendars.sandbox import Found
from projections import meeting_types
from projections.queries.query import Source
from store.busy_calendars import BusyCalendars, Calendar, Look
from store.credentials.encrypted_secrets import SealBroken, Seals

log = logging.getLogger("oncelink")

PURPOSE = "calendar"
LEASE = timedelta(minutes=5)  # longer than any look
REFRESH = timedelta(minutes=10)
FIRST_PAUSE = timedelta(minutes=2)  # after a failure, doubled each time
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_WISH = timedelta(days=1)
INACTIVE_PAUSE = timedelta(hours=6)
OLDEST = timedelta(days=1)  # then it is read again even if nothing has changed: time goes on
AHEAD = timedelta(days=40)  # beyond the longest booking window
USUAL_WINDOW_DAYS, LONGEST_HORIZON = 60, timedelta(days=3_700)
DAY = timedelta(days=1)
UNOPENED = "Its address can no longer be read here, because the secret key was changed. Remove it and add it again."
UNEXPECTED = "The calendar could not be read."


class Keeping:
    """Knows the calendars' secrets, and asks their servers; holds no connection to the database meanwhile."""

    def __init__(
        self,
        store: BusyCalendars,
        seals: Seals,
        web: Web,
        scheduling: Scheduling,
        live: Callable[[], Source],
        appended: Callable[[], None],
    ) -> None:
        self.store = store
        self.seals = seals
        self.web = web
        self.scheduling = scheduling
        self.live = live
        self.appended = appended

    def account(self, calendar: Calendar) -> Account:
        """Where a calendar is. Raises SealBroken."""
        return Account.of_secret(self.seals.open(calendar.id, calendar.sealed))

    def add(
        self,
        id: UUID,
        person: Person,
        account: Account,
        name: str,
        request_digest: bytes | None = None,
        choose: Callable[[Account], Account] = lambda account: account,
    ) -> Calendar | None:
        """Keeps a new calendar that could be read just now; None when this id is there already. Raises Trouble."""
        if account.kind == "caldav":
            account = choose(account.with_calendars(account.client(self.web).collections()))
        instant, zone = now(), person.properties.time_zone
        within = self.horizon(instant)
        seen = look(self.web, account, zone, within, Validators(), niceness=0)  # somebody waits for it
        calendar = self.store.add(
            id,
            person.id,
            account.kind,
            name or account.host,
            self.seals.seal(id, account.as_secret()),
            instant,
            leased_until=instant + LEASE,
            request_digest=request_digest,
        )
        if calendar is not None:
            self.store.writes(id, person.id, account.write_to is not None)
            self.saw(calendar, seen, zone, within)
        return calendar

    def look(self, calendar: Calendar) -> None:
        """Looks at a leased calendar and keeps what it says, or why it could not be read. Raises DatabaseAway."""
        person = self.scheduling.get(Person, calendar.person_id)
        if not person.active:
            self.store.left(calendar.id, now() + INACTIVE_PAUSE)
            return
        try:
            zone, within = person.properties.time_zone, self.horizon(now())
            known = Validators(calendar.etag, calendar.last_modified)
            fresh = self.is_fresh(calendar, zone)
            seen = look(self.web, self.account(calendar), zone, within, known if fresh else Validators())
        except Trouble as trouble:
            self.failed(calendar, trouble.sentence, trouble.retry_after)
        except SealBroken:
            self.failed(calendar, UNOPENED)
        except Exception as error:  # nothing that another server does may end this thread
            log.error("calendar %s could not be read: %s", calendar.id, type(error).__name__)
            self.failed(calendar, UNEXPECTED)
        else:
            self.saw(calendar, seen, zone, within)
            if not self.seals.is_current(calendar.id, calendar.sealed):
                secret = self.seals.open(calendar.id, calendar.sealed)
                self.store.seal_again(calendar, self.seals.seal(calendar.id, secret))

    def is_fresh(self, calendar: Calendar, zone: str) -> bool:
        """Whether what is known of a calendar would still do, if nothing has changed in it."""
        if calendar.read_at is None or calendar.known_until is None or calendar.time_zone != zone:
            return False
        enough = now() + timedelta(days=self.window_days()) + 2 * DAY
        return now() - calendar.read_at < OLDEST and calendar.known_until >= min(enough, now() + LONGEST_HORIZON - DAY)

    def saw(self, calendar: Calendar, seen: Seen, zone: str, within: Interval) -> None:
        """Keeps what a look gave, and says which meetings it conflicts with."""
        due = now() + jittered(REFRESH)
        given = Look(seen.validators.etag, seen.validators.last_modified)
        if seen.found is not None:
            busy = self.without_own_meetings(seen.found, calendar.person_id)
            given = Look(given.etag, given.last_modified, busy, seen.found.soon, within.end, zone)
        if self.store.looked(calendar, given, now(), due):
            self.find_conflicts(calendar.person_id)

    def without_own_meetings(self, found: Found, person_id: UUID) -> list[Interval]:
        """The busy times, without meetings of ours that this person hosts: those the reservations have."""
        hosted = self.store.hosted([id for id, _ in found.meetings], person_id)
        return [*found.busy, *(interval for id, interval in found.meetings if id not in hosted)]

    def find_conflicts(self, person_id: UUID) -> None:
        """Says in the log which future meetings of a person collide with something in their calendars."""
        for booking_id, busy in self.store.conflicts(person_id, now()).items():
            context = Context(now(), Actor(kind="system"), uuid4().hex, "api")
            if self.scheduling.find_conflict(context, booking_id, person_id, busy) is not None:
                self.appended()

    def failed(self, calendar: Calendar, problem: str, retry_after: int = 0) -> None:
        """Keeps why a calendar could not be read, and waits longer each time."""
        pause = min(FIRST_PAUSE * 2 ** min(calendar.failures, 10), LONGEST_PAUSE)
        wish = min(timedelta(seconds=retry_after), LONGEST_WISH)
        log.warning("calendar %s could not be read: %s", calendar.id, problem)
        self.store.failed(calendar, problem, now(), now() + max(jittered(pause), wish))

    def horizon(self, instant: datetime) -> Interval:
        """The time that calendars are read for: as far as anybody can book, and some weeks more."""
        ahead = min(timedelta(days=self.window_days()) + AHEAD, LONGEST_HORIZON)
        return Interval(instant - DAY, instant + ahead)

    def window_days(self) -> int:
        """The longest booking window, in days."""
        try:
            return max(meeting_types.longest_window(self.live()), USUAL_WINDOW_DAYS)
        except ReadModelBehind:
            return USUAL_WINDOW_DAYS


def jittered(pause: timedelta) -> timedelta:
    """About so long, so that not everybody asks at once."""
    return pause * (0.9 + secrets.randbelow(2_000) / 10_000)
