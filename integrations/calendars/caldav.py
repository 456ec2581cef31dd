"""A small CalDAV client (RFC 4791): finds an account's calendars, reads them, and writes, moves and removes entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urljoin

from integrations.calendars import dav_xml
from integrations.calendars.dav_xml import CAL, DAV, SERVER, Found, multistatus, propfind
from integrations.calendars.errors import (
    Changed,
    ForeignRedirect,
    NotAnAddress,
    NotCalDav,
    Trouble,
    WrongLogin,
    WrongStatus,
)
from integrations.calendars.http_client import Answer, Login, Web, same_site

XML = {"Content-Type": "application/xml; charset=utf-8"}
WELL_KNOWN = "/.well-known/caldav"
SELF = ("d:resourcetype", "d:displayname", "d:current-user-principal", "c:calendar-home-set")
OF_CALENDAR = (
    "d:resourcetype",
    "d:displayname",
    "d:current-user-privilege-set",
    "c:supported-calendar-component-set",
    "s:getctag",
    "d:sync-token",
)
MAY_WRITE = ("write", "write-content", "bind", "all")


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar of an account; `tag` changes whenever something in it does, None where the server says none."""

    url: str
    name: str
    writable: bool
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a calendar as it is stored, and the tag of this state."""

    url: str
    etag: str | None
    data: bytes


class CalDav:
    """One account. Every method raises Trouble when the server cannot be asked or refuses."""

    def __init__(self, web: Web, url: str, login: Login) -> None:
        self.web = web
        self.url = url
        self.login = login

    def collections(self) -> list[Collection]:
        """The calendars that may hold events: at the address itself, or wherever it leads. Raises NotCalDav."""
        at, found = self.first_answer()
        if is_calendar(found):
            return [of(at, self.properties(at, 0, *OF_CALENDAR)[0])]
        home = self.home_of(at, found)
        calendars = [of(home, one) for one in self.properties(home, 1, *OF_CALENDAR) if is_calendar(one)]
        if not calendars:
            raise NotCalDav
        return calendars

    def first_answer(self) -> tuple[str, Found]:
        """What the account's address says of itself, or what its server says where CalDAV begins (RFC 6764)."""
        try:
            at, found = self.self_of(self.url)
            if is_calendar(found) or leads_on(found):
                return at, found
        except (NotCalDav, WrongStatus):
            pass
        at, found = self.self_of(urljoin(self.url, WELL_KNOWN))
        if not leads_on(found):
            raise NotCalDav
        return at, found

    def home_of(self, at: str, found: Found) -> str:
        """Where the calendars of whoever signed in are. Raises NotCalDav."""
        home = found.inner(f"{CAL}calendar-home-set")
        if home is None:
            principal = found.inner(f"{DAV}current-user-principal")
            if principal is None:
                raise NotCalDav
            at, found = self.self_of(self.target(at, principal))
            home = found.inner(f"{CAL}calendar-home-set")
        if home is None:
            raise NotCalDav
        return self.target(at, home)

    def self_of(self, url: str) -> tuple[str, Found]:
        """An address after redirects, and what it says of itself."""
        answer = self.asked("PROPFIND", url, {"Depth": "0"}, propfind(*SELF))
        found = multistatus(answer.body)
        if not found:
            raise NotCalDav
        return str(answer.url), found[0]

    def properties(self, url: str, depth: int, *names: str) -> list[Found]:
        """What is at an address and, to that depth, below it."""
        answer = self.asked("PROPFIND", url, {"Depth": str(depth)}, propfind(*names))
        found = multistatus(answer.body)
        if not found:
            raise NotCalDav
        return found

    def collection(self, url: str) -> Collection:
        """A calendar as it is now."""
        return of(url, self.properties(url, 0, *OF_CALENDAR)[0])

    def entries(self, calendar_url: str, start: datetime, end: datetime) -> list[Entry]:
        """The entries of a calendar that touch a time (UTC); recurring ones whole."""
        body = dav_xml.events_between(start, end)
        answer = self.asked("REPORT", calendar_url, {"Depth": "1"}, body)
        found = [(one, one.text(f"{CAL}calendar-data")) for one in multistatus(answer.body)]
        return [
            Entry(urljoin(str(answer.url), one.href), one.text(f"{DAV}getetag"), data.encode())
            for one, data in found
            if data
        ]

    def get(self, calendar_url: str, uid: str) -> Entry | None:
        """The entry that this client would store under a UID; None where there is none."""
        url = entry_url(calendar_url, uid)
        answer = self.web.ask("GET", url, login=self.login)
        if answer.status in (404, 410):
            return None
        refuse_unless(answer, 200)
        return Entry(url, answer.headers.get("ETag"), answer.body)

    def put(self, calendar_url: str, uid: str, data: bytes, etag: str | None = None, new: bool = False) -> str | None:
        """Stores an entry under its UID; its new tag, None where the server tells none.

        With `etag` only over that state, with `new` only where nothing is. Raises Changed when it is otherwise.
        """
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        if new:
            headers["If-None-Match"] = "*"
        elif etag is not None:
            headers["If-Match"] = etag
        answer = self.web.ask("PUT", entry_url(calendar_url, uid), headers, data, self.login)
        refuse_unless(answer, 200, 201, 204)
        return answer.headers.get("ETag")

    def delete(self, calendar_url: str, uid: str, etag: str | None = None) -> bool:
        """Removes an entry, only in the state of `etag` where given; False when it was not there. Raises Changed."""
        headers = {"If-Match": etag} if etag is not None else {}
        answer = self.web.ask("DELETE", entry_url(calendar_url, uid), headers, login=self.login)
        if answer.status in (404, 410):
            return False
        refuse_unless(answer, 200, 202, 204)
        return True

    def asked(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """An answer in several parts. Raises Trouble."""
        answer = self.web.ask(method, url, {**XML, **headers}, body, self.login)
        refuse_unless(answer, 207)
        return answer

    def target(self, at: str, href: str) -> str:
        """An address that the server names, for the password too. Raises ForeignRedirect, NotAnAddress."""
        try:
            target = urljoin(at, href)
            here, there = self.web.url(at), self.web.url(target)
        except ValueError:
            raise NotAnAddress from None
        if not same_site(here.host, there.host):
            raise ForeignRedirect
        return str(there)


def refuse_unless(answer: Answer, *statuses: int) -> None:
    """Lets an answer of these statuses pass. Raises WrongLogin, Changed, NotCalDav, WrongStatus."""
    if answer.status in statuses:
        return
    refusals: dict[int, type[Trouble]] = {401: WrongLogin, 412: Changed, 405: NotCalDav, 501: NotCalDav, 404: NotCalDav}
    if refusal := refusals.get(answer.status, NotCalDav if answer.status < 300 else None):
        raise refusal
    raise WrongStatus(f"Its answer was {answer.status}.", retry_after(answer))


def retry_after(answer: Answer) -> int:
    """The seconds that a server asks to wait before the next question."""
    asked = answer.headers.get("Retry-After", "")
    return int(asked) if asked.isdecimal() and len(asked) < 7 else 0


def is_calendar(found: Found) -> bool:
    """Whether a resource is a calendar that may hold events."""
    kinds = [one.get("name", "").upper() for one in found.all(f"{CAL}supported-calendar-component-set", f"{CAL}comp")]
    return found.has(f"{DAV}resourcetype", f"{CAL}calendar") and (not kinds or "VEVENT" in kinds)


def leads_on(found: Found) -> bool:
    """Whether a resource says where the calendars are."""
    principal, home = found.inner(f"{DAV}current-user-principal"), found.inner(f"{CAL}calendar-home-set")
    return principal is not None or home is not None


def of(at: str, found: Found) -> Collection:
    """A calendar, as its server describes it."""
    url = urljoin(at, found.href)
    privileges = found.all(f"{DAV}current-user-privilege-set", f"{DAV}privilege", "*")
    names = {one.tag.removeprefix(DAV) for one in privileges}
    writable = not names or not names.isdisjoint(MAY_WRITE)
    name = (found.text(f"{DAV}displayname") or url.rstrip("/").rpartition("/")[2])[:200]
    return Collection(url, name, writable, found.text(f"{SERVER}getctag") or found.text(f"{DAV}sync-token"))


def entry_url(calendar_url: str, uid: str) -> str:
    """Where the entry of a UID is stored in a calendar."""
    return f"{calendar_url.rstrip('/')}/{quote(uid, safe='@')}.ics"
