"""One look at a calendar: ask its server, and work out when its person is busy, unless nothing has changed."""

import hashlib
from dataclasses import dataclass

from domain.availability.hours import Interval
from integrations.calendars.accounts import Account
from integrations.calendars.caldav import Collection, retry_after
from integrations.calendars.errors import WrongStatus
from integrations.calendars.http_client import Answer, Web
from integrations.calendars.sandbox import NICENESS, Found, read

LONGEST_VALIDATOR = 500


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells a server which state is known already."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look gave; `found` is None when nothing has changed."""

    validators: Validators
    found: Found | None


def look(web: Web, account: Account, zone: str, within: Interval, known: Validators, niceness: int = NICENESS) -> Seen:
    """Looks at a feed or at the calendars of an account. Raises Trouble."""
    if account.kind == "feed":
        return look_at_feed(web, account, zone, within, known, niceness)
    return look_at_account(web, account, zone, within, known, niceness)


def look_at_feed(
    web: Web, account: Account, zone: str, within: Interval, known: Validators, niceness: int = NICENESS
) -> Seen:
    """Asks for a feed, if it has changed. Raises Trouble."""
    headers = {"Accept": "text/calendar, */*;q=0.1"}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    answer = web.ask("GET", account.url, headers)
    if answer.status == 304 and known != Validators():
        return Seen(known, None)
    if answer.status != 200:
        raise WrongStatus(f"Its answer was {answer.status}.", retry_after(answer))
    return Seen(
        Validators(kept(answer, "ETag"), kept(answer, "Last-Modified")), read([answer.body], zone, within, niceness)
    )


def look_at_account(
    web: Web, account: Account, zone: str, within: Interval, known: Validators, niceness: int = NICENESS
) -> Seen:
    """Asks for those calendars of an account that are read, if one of them has changed. Raises Trouble."""
    client = account.client(web)
    urls = [one.url for one in account.calendars if one.read]
    state = state_of([client.collection(url) for url in urls])
    if state is not None and state == known.etag:
        return Seen(known, None)
    files = [entry.data for url in urls for entry in client.entries(url, within.start, within.end)]
    return Seen(Validators(state), read(files, zone, within, niceness))


def state_of(collections: list[Collection]) -> str | None:
    """What stands for the state of some calendars; None when one of their servers does not say it."""
    tags = [(one.url, one.tag) for one in collections]
    return None if any(tag is None for _, tag in tags) else hashlib.sha256(repr(tags).encode()).hexdigest()


def kept(answer: Answer, name: str) -> str | None:
    """A validator, if it can be kept and sent back."""
    value = answer.headers.get(name)
    return value if value and len(value) <= LONGEST_VALIDATOR and value.isascii() and value.isprintable() else None
