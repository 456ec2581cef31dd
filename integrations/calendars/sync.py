"""Calendar sync: the first fetch before a calendar is stored, every later fetch, and what a failure records."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from domain.availability.hours import Interval
from domain.commands.scheduling import SchedulingCommands
from domain.person import Person
from domain.refusals import ReadModelBehind
from integrations.calendars.accounts import Account
from integrations.calendars.errors import CalendarError
from integrations.calendars.fetch import FetchOutcome, Validators, fetch_calendar
from integrations.calendars.http_client import GuardedHttpClient
from integrations.calendars.sandbox import BusyReport, CalendarOwner
from integrations.clock import Clock
from integrations.system_context import build_system_context
from projections import meeting_types
from projections.queries.query import QuerySource
from store.busy_calendars import BusyCalendars, Calendar, FetchResult
from store.credentials.encrypted_secrets import DecryptionFailed, SecretCipher

log = logging.getLogger("oncelink")

ENCRYPTION_PURPOSE = "calendar"
LEASE = timedelta(minutes=5)  # longer than any fetch
REFRESH_INTERVAL = timedelta(minutes=10)
FIRST_PAUSE = timedelta(minutes=2)  # after a failure, doubled each time
MAX_PAUSE = timedelta(hours=6)
MAX_REQUESTED_DELAY = timedelta(days=1)
INACTIVE_PAUSE = timedelta(hours=6)
MAX_AGE = timedelta(days=1)  # then it is read again even if unchanged, because the horizon moves
HORIZON_MARGIN = timedelta(days=40)  # beyond the longest booking window
DEFAULT_WINDOW_DAYS, MAX_HORIZON = 60, timedelta(days=3_700)
DAY = timedelta(days=1)
UNDECRYPTABLE = (
    "Its address can no longer be read here, because the secret key was changed. Remove it and add it again."
)
UNEXPECTED_ERROR = "The calendar could not be read."


class CalendarSync:
    """Decrypts the calendars' secrets and fetches from their servers; holds no database connection meanwhile."""

    def __init__(
        self,
        store: BusyCalendars,
        secret_cipher: SecretCipher,
        http_client: GuardedHttpClient,
        scheduling: SchedulingCommands,
        get_live_source: Callable[[], QuerySource],
        announce_append: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.store = store
        self.secret_cipher = secret_cipher
        self.http_client = http_client
        self.scheduling = scheduling
        self.get_live_source = get_live_source
        self.announce_append = announce_append
        self.clock = clock

    def decrypt_account(self, calendar: Calendar) -> Account:
        """Decrypt where a calendar is. Raises DecryptionFailed."""
        return Account.from_secret(self.secret_cipher.decrypt_secret(calendar.id, calendar.sealed))

    def add_calendar(
        self,
        id: UUID,
        person: Person,
        account: Account,
        name: str,
        request_digest: bytes | None = None,
        choose: Callable[[Account], Account] = lambda account: account,
    ) -> Calendar | None:
        """Store a new calendar after a first fetch; None when this id exists already. Raises CalendarError."""
        if account.kind == "caldav":
            account = choose(account.update_calendars(account.build_client(self.http_client).find_calendars()))
        instant, owner = self.clock(), build_owner(person, account)
        within = self.compute_horizon(instant)
        outcome = fetch_calendar(
            self.http_client, account, owner, within, Validators(), niceness=0
        )  # somebody waits for it
        calendar = self.store.add_calendar(
            id,
            person.id,
            account.kind,
            name or account.host,
            self.secret_cipher.encrypt_secret(id, account.to_secret()),
            instant,
            leased_until=instant + LEASE,
            request_digest=request_digest,
        )
        if calendar is not None:
            self.store.set_writer(id, person.id, account.write_to is not None)
            self.save_outcome(calendar, outcome, owner.zone, within)
        return calendar

    def sync_calendar(self, calendar: Calendar) -> None:
        """Fetch a leased calendar and store the result, or why it failed. Raises DatabaseAway."""
        person = self.scheduling.load_aggregate(Person, calendar.person_id)
        if not person.active:
            self.store.suspend_calendar(calendar.id, self.clock() + INACTIVE_PAUSE)
            return
        try:
            zone, within = person.properties.time_zone, self.compute_horizon(self.clock())
            validators = Validators(calendar.etag, calendar.last_modified)
            fresh = self.is_fresh(calendar, zone)
            account = self.decrypt_account(calendar)
            outcome = fetch_calendar(
                self.http_client,
                account,
                build_owner(person, account),
                within,
                validators if fresh else Validators(),
            )
        except CalendarError as calendar_error:
            self.record_failure(calendar, calendar_error.sentence, calendar_error.retry_after)
        except DecryptionFailed:
            self.record_failure(calendar, UNDECRYPTABLE)
        except Exception as error:  # nothing that another server sends may end this thread
            log.error("calendar %s could not be read: %s", calendar.id, type(error).__name__)
            self.record_failure(calendar, UNEXPECTED_ERROR)
        else:
            self.save_outcome(calendar, outcome, zone, within)
            if not self.secret_cipher.is_encrypted_with_first_key(calendar.id, calendar.sealed):
                secret = self.secret_cipher.decrypt_secret(calendar.id, calendar.sealed)
                self.store.rotate_encryption(calendar, self.secret_cipher.encrypt_secret(calendar.id, secret))

    def is_fresh(self, calendar: Calendar, zone: str) -> bool:
        """Whether the stored busy times still suffice if the calendar has not changed."""
        if calendar.read_at is None or calendar.known_until is None or calendar.time_zone != zone:
            return False
        needed_until = self.clock() + timedelta(days=self.get_longest_window()) + 2 * DAY
        return self.clock() - calendar.read_at < MAX_AGE and calendar.known_until >= min(
            needed_until, self.clock() + MAX_HORIZON - DAY
        )

    def save_outcome(self, calendar: Calendar, outcome: FetchOutcome, zone: str, within: Interval) -> None:
        """Store the outcome of a fetch, and report the meetings that conflict with it."""
        due = self.clock() + add_jitter(REFRESH_INTERVAL)
        fetch_result = FetchResult(outcome.validators.etag, outcome.validators.last_modified)
        if outcome.report is not None:
            busy = self.exclude_own_meetings(outcome.report, calendar.person_id)
            fetch_result = FetchResult(
                fetch_result.etag, fetch_result.last_modified, busy, outcome.report.soon, within.end, zone
            )
        if self.store.record_fetch(calendar, fetch_result, self.clock(), due):
            self.report_conflicts(calendar.person_id)

    def exclude_own_meetings(self, report: BusyReport, person_id: UUID) -> list[Interval]:
        """Exclude meetings of ours that this person hosts from the busy times: reservations cover those."""
        hosted_ids = self.store.find_hosted_bookings([id for id, _ in report.meetings], person_id)
        return [*report.busy, *(interval for id, interval in report.meetings if id not in hosted_ids)]

    def report_conflicts(self, person_id: UUID) -> None:
        """Record in the log which future meetings of a person conflict with their calendars."""
        for booking_id, busy in self.store.find_conflicts(person_id, self.clock()).items():
            context = build_system_context(self.clock())
            if self.scheduling.record_calendar_conflict(context, booking_id, person_id, busy) is not None:
                self.announce_append()

    def record_failure(self, calendar: Calendar, problem: str, retry_after: int = 0) -> None:
        """Store why a fetch failed; the delay before the next one doubles."""
        pause = min(FIRST_PAUSE * 2 ** min(calendar.failures, 10), MAX_PAUSE)
        requested_delay = min(timedelta(seconds=retry_after), MAX_REQUESTED_DELAY)
        log.warning("calendar %s could not be read: %s", calendar.id, problem)
        self.store.record_failure(
            calendar, problem, self.clock(), self.clock() + max(add_jitter(pause), requested_delay)
        )

    def compute_horizon(self, instant: datetime) -> Interval:
        """Compute the time to fetch: as far as anybody can book, and a margin."""
        ahead = min(timedelta(days=self.get_longest_window()) + HORIZON_MARGIN, MAX_HORIZON)
        return Interval(instant - DAY, instant + ahead)

    def get_longest_window(self) -> int:
        """Get the longest booking window, in days."""
        try:
            return max(meeting_types.find_longest_window(self.get_live_source()), DEFAULT_WINDOW_DAYS)
        except ReadModelBehind:
            return DEFAULT_WINDOW_DAYS


def build_owner(person: Person, account: Account) -> CalendarOwner:
    """Build what tells the owner's own invitations from those of others: their address here, and their login's."""
    addresses = (person.properties.email, account.login.user if account.login else "")
    return CalendarOwner(
        person.properties.time_zone, frozenset(address.lower() for address in addresses if "@" in address)
    )


def add_jitter(pause: timedelta) -> timedelta:
    """Vary a delay a little, so that not everybody fetches at once."""
    return pause * (0.9 + secrets.randbelow(2_000) / 10_000)
