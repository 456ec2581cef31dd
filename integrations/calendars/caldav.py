"""A small CalDAV client (RFC 4791): finds an account's calendars, reads them, and writes and removes entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urljoin

from integrations.calendars import dav_xml
from integrations.calendars.dav_xml import CALDAV, CALENDARSERVER, DAV, DavResource, build_propfind, parse_multistatus
from integrations.calendars.errors import (
    CalendarError,
    EntryChanged,
    ForeignRedirect,
    InvalidUrl,
    NotCalDav,
    WrongLogin,
    WrongStatus,
)
from integrations.calendars.http_client import GuardedHttpClient, HttpResponse, Login, is_same_site

XML_HEADERS = {"Content-Type": "application/xml; charset=utf-8"}
WELL_KNOWN = "/.well-known/caldav"
SELF_PROPERTIES = ("d:resourcetype", "d:displayname", "d:current-user-principal", "c:calendar-home-set")
CALENDAR_PROPERTIES = (
    "d:resourcetype",
    "d:displayname",
    "d:current-user-privilege-set",
    "c:supported-calendar-component-set",
    "s:getctag",
    "d:sync-token",
)
WRITE_PRIVILEGES = ("write", "write-content", "bind", "all")


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar of an account; `tag` changes with its content, None when the server sends none."""

    url: str
    name: str
    writable: bool
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarObject:
    """A calendar object resource as it is stored, with its ETag."""

    url: str
    etag: str | None
    data: bytes


class CalDavClient:
    """A client for one account. Every method raises CalendarError when the server cannot be reached or refuses."""

    def __init__(self, http_client: GuardedHttpClient, url: str, login: Login) -> None:
        self.http_client = http_client
        self.url = url
        self.login = login

    def find_calendars(self) -> list[Collection]:
        """Find the calendars that may hold events, at the URL itself or where it leads. Raises NotCalDav."""
        url, resource = self.discover_root()
        if is_calendar(resource):
            return [to_collection(url, self.fetch_properties(url, 0, *CALENDAR_PROPERTIES)[0])]
        home = self.find_calendar_home(url, resource)
        calendars = [
            to_collection(home, calendar)
            for calendar in self.fetch_properties(home, 1, *CALENDAR_PROPERTIES)
            if is_calendar(calendar)
        ]
        if not calendars:
            raise NotCalDav
        return calendars

    def discover_root(self) -> tuple[str, DavResource]:
        """Fetch the account's URL, or the well-known URL of its server when it leads nowhere (RFC 6764)."""
        try:
            url, resource = self.fetch_resource(self.url)
            if is_calendar(resource) or has_home_or_principal(resource):
                return url, resource
        except (NotCalDav, WrongStatus):
            pass
        url, resource = self.fetch_resource(urljoin(self.url, WELL_KNOWN))
        if not has_home_or_principal(resource):
            raise NotCalDav
        return url, resource

    def find_calendar_home(self, url: str, resource: DavResource) -> str:
        """Find the calendar home of the signed-in principal. Raises NotCalDav."""
        home = resource.get_href(f"{CALDAV}calendar-home-set")
        if home is None:
            principal = resource.get_href(f"{DAV}current-user-principal")
            if principal is None:
                raise NotCalDav
            url, resource = self.fetch_resource(self.resolve_href(url, principal))
            home = resource.get_href(f"{CALDAV}calendar-home-set")
        if home is None:
            raise NotCalDav
        return self.resolve_href(url, home)

    def fetch_resource(self, url: str) -> tuple[str, DavResource]:
        """Fetch a resource's own properties; returns its URL after redirects and the resource."""
        response = self.request_multistatus("PROPFIND", url, {"Depth": "0"}, build_propfind(*SELF_PROPERTIES))
        resources = parse_multistatus(response.body)
        if not resources:
            raise NotCalDav
        return str(response.url), resources[0]

    def fetch_properties(self, url: str, depth: int, *names: str) -> list[DavResource]:
        """Fetch the properties of a resource and, down to `depth`, of its members."""
        response = self.request_multistatus("PROPFIND", url, {"Depth": str(depth)}, build_propfind(*names))
        resources = parse_multistatus(response.body)
        if not resources:
            raise NotCalDav
        return resources

    def fetch_calendar(self, url: str) -> Collection:
        """Fetch a calendar's current properties."""
        return to_collection(url, self.fetch_properties(url, 0, *CALENDAR_PROPERTIES)[0])

    def fetch_objects(self, calendar_url: str, start: datetime, end: datetime) -> list[CalendarObject]:
        """Fetch the objects of a calendar that overlap a time (UTC); recurring ones whole."""
        body = dav_xml.build_calendar_query(start, end)
        response = self.request_multistatus("REPORT", calendar_url, {"Depth": "1"}, body)
        resources = [
            (resource, resource.get_text(f"{CALDAV}calendar-data")) for resource in parse_multistatus(response.body)
        ]
        return [
            CalendarObject(urljoin(str(response.url), resource.href), resource.get_text(f"{DAV}getetag"), data.encode())
            for resource, data in resources
            if data
        ]

    def get(self, calendar_url: str, uid: str) -> CalendarObject | None:
        """Get the object that this client stores under a UID; None when there is none."""
        url = build_object_url(calendar_url, uid)
        response = self.http_client.request("GET", url, login=self.login)
        if response.status in (404, 410):
            return None
        refuse_unless(response, 200)
        return CalendarObject(url, response.headers.get("ETag"), response.body)

    def put(self, calendar_url: str, uid: str, data: bytes, etag: str | None = None, new: bool = False) -> str | None:
        """Store an object under its UID; returns its new ETag, None when the server sends none.

        With `etag` it only replaces that state, with `new` it only creates. Raises EntryChanged otherwise.
        """
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        if new:
            headers["If-None-Match"] = "*"
        elif etag is not None:
            headers["If-Match"] = etag
        response = self.http_client.request("PUT", build_object_url(calendar_url, uid), headers, data, self.login)
        refuse_unless(response, 200, 201, 204)
        return response.headers.get("ETag")

    def delete(self, calendar_url: str, uid: str, etag: str | None = None) -> bool:
        """Delete an object, only in the state of `etag` if given; False when it was absent. Raises EntryChanged."""
        headers = {"If-Match": etag} if etag is not None else {}
        response = self.http_client.request("DELETE", build_object_url(calendar_url, uid), headers, login=self.login)
        if response.status in (404, 410):
            return False
        refuse_unless(response, 200, 202, 204)
        return True

    def request_multistatus(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Send a request and require a multistatus response. Raises CalendarError."""
        response = self.http_client.request(method, url, {**XML_HEADERS, **headers}, body, self.login)
        refuse_unless(response, 207)
        return response

    def resolve_href(self, base_url: str, href: str) -> str:
        """Resolve a URL that the server names, which will get the password too. Raises ForeignRedirect, InvalidUrl."""
        try:
            target = urljoin(base_url, href)
            checked_base, checked_target = self.http_client.check_url(base_url), self.http_client.check_url(target)
        except ValueError:
            raise InvalidUrl from None
        if not is_same_site(checked_base.host, checked_target.host):
            raise ForeignRedirect
        return str(checked_target)


def refuse_unless(response: HttpResponse, *statuses: int) -> None:
    """Refuse a response with any other status. Raises WrongLogin, EntryChanged, NotCalDav, WrongStatus."""
    if response.status in statuses:
        return
    refusals: dict[int, type[CalendarError]] = {
        401: WrongLogin,
        412: EntryChanged,
        405: NotCalDav,
        501: NotCalDav,
        404: NotCalDav,
    }
    if refusal := refusals.get(response.status, NotCalDav if response.status < 300 else None):
        raise refusal
    raise WrongStatus(f"Its answer was {response.status}.", parse_retry_after(response))


def parse_retry_after(response: HttpResponse) -> int:
    """Parse `Retry-After` in seconds; 0 when it is absent or not a number."""
    value = response.headers.get("Retry-After", "")
    return int(value) if value.isdecimal() and len(value) < 7 else 0


def is_calendar(resource: DavResource) -> bool:
    """Whether a resource is a calendar that may hold events."""
    kinds = [
        component.get("name", "").upper()
        for component in resource.find_elements(f"{CALDAV}supported-calendar-component-set", f"{CALDAV}comp")
    ]
    return resource.has_element(f"{DAV}resourcetype", f"{CALDAV}calendar") and (not kinds or "VEVENT" in kinds)


def has_home_or_principal(resource: DavResource) -> bool:
    """Whether a resource names its principal or calendar home."""
    principal, home = resource.get_href(f"{DAV}current-user-principal"), resource.get_href(f"{CALDAV}calendar-home-set")
    return principal is not None or home is not None


def to_collection(base_url: str, resource: DavResource) -> Collection:
    """Build a calendar collection from its server's properties."""
    url = urljoin(base_url, resource.href)
    privileges = resource.find_elements(f"{DAV}current-user-privilege-set", f"{DAV}privilege", "*")
    names = {privilege.tag.removeprefix(DAV) for privilege in privileges}
    writable = not names or not names.isdisjoint(WRITE_PRIVILEGES)
    name = (resource.get_text(f"{DAV}displayname") or url.rstrip("/").rpartition("/")[2])[:200]
    return Collection(
        url, name, writable, resource.get_text(f"{CALENDARSERVER}getctag") or resource.get_text(f"{DAV}sync-token")
    )


def build_object_url(calendar_url: str, uid: str) -> str:
    """Build the URL of the object with a UID in a calendar."""
    return f"{calendar_url.rstrip('/')}/{quote(uid, safe='@')}.ics"
