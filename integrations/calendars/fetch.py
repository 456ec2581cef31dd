"""One fetch of a calendar: asks its server and computes busy times, unless nothing has changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from domain.availability.hours import Interval
from integrations.calendars.accounts import Account
from integrations.calendars.caldav import Collection, parse_retry_after
from integrations.calendars.errors import NoConnection, OutsideAllowedNetworks, WrongStatus
from integrations.calendars.http_client import GuardedHttpClient, HttpResponse
from integrations.calendars.sandbox import NICENESS, BusyReport, CalendarOwner, read_busy_times

MAX_VALIDATOR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Validators:
    """The HTTP validators, or the digest of collection tags, of the last known state."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """The outcome of a fetch; `report` is None when nothing has changed."""

    validators: Validators
    report: BusyReport | None


def fetch_calendar(
    http_client: GuardedHttpClient,
    account: Account,
    owner: CalendarOwner,
    within: Interval,
    validators: Validators,
    niceness: int = NICENESS,
) -> FetchOutcome:
    """Fetch a feed, or the selected calendars of an account. Raises CalendarError."""
    if account.kind == "feed":
        return fetch_feed(http_client, account, owner, within, validators, niceness)
    return fetch_account(http_client, account, owner, within, validators, niceness)


def fetch_feed(
    http_client: GuardedHttpClient,
    account: Account,
    owner: CalendarOwner,
    within: Interval,
    validators: Validators,
    niceness: int = NICENESS,
) -> FetchOutcome:
    """Fetch a feed if it has changed. Raises CalendarError."""
    headers = {"Accept": "text/calendar, */*;q=0.1"}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    response = request_feed(http_client, account.url, headers)
    if response.status == 304 and validators != Validators():
        return FetchOutcome(validators, None)
    if response.status != 200:
        raise WrongStatus(f"Its answer was {response.status}.", parse_retry_after(response))
    return FetchOutcome(
        Validators(get_validator(response, "ETag"), get_validator(response, "Last-Modified")),
        read_busy_times([response.body], owner, within, niceness),
    )


def request_feed(http_client: GuardedHttpClient, url: str, headers: Mapping[str, str]) -> HttpResponse:
    """Request a feed. A webcal address is read by https, and by http only inside the allowed networks.

    Raises CalendarError.
    """
    try:
        return http_client.request("GET", url, headers)
    except NoConnection:
        scheme, _, rest = url.partition(":")
        if scheme.lower() != "webcal":
            raise
        try:
            return http_client.request("GET", f"http:{rest}", headers, only_inside=True)
        except OutsideAllowedNetworks:
            raise NoConnection from None


def fetch_account(
    http_client: GuardedHttpClient,
    account: Account,
    owner: CalendarOwner,
    within: Interval,
    validators: Validators,
    niceness: int = NICENESS,
) -> FetchOutcome:
    """Fetch the selected calendars of an account if one of them has changed. Raises CalendarError."""
    client = account.build_client(http_client)
    urls = [calendar.url for calendar in account.calendars if calendar.read]
    state = digest_state([client.fetch_calendar(url) for url in urls])
    if state is not None and state == validators.etag:
        return FetchOutcome(validators, None)
    files = [stored.data for url in urls for stored in client.fetch_objects(url, within.start, within.end)]
    return FetchOutcome(Validators(state), read_busy_times(files, owner, within, niceness))


def digest_state(collections: list[Collection]) -> str | None:
    """Digest the tags of some calendars; None when a server sends no tag."""
    tags = [(collection.url, collection.tag) for collection in collections]
    return None if any(tag is None for _, tag in tags) else hashlib.sha256(repr(tags).encode()).hexdigest()


def get_validator(response: HttpResponse, name: str) -> str | None:
    """Get a validator header that can be stored and sent back; else None."""
    value = response.headers.get(name)
    return value if value and len(value) <= MAX_VALIDATOR_LENGTH and value.isascii() and value.isprintable() else None
