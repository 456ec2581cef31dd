"""Where a calendar is and how to sign in to it: stored encrypted, shown to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from httpx2 import URL

from integrations.calendars.caldav import CalDavClient, Collection
from integrations.calendars.errors import TooManyCalendars, UnknownCalendar
from integrations.calendars.http_client import GuardedHttpClient, Login

Kind = Literal["feed", "caldav"]
MAX_CALENDARS = 20


@dataclass(frozen=True, slots=True)
class SelectedCalendar:
    """A calendar of an account, and whether it is read and written."""

    url: str
    name: str
    writable: bool
    read: bool = True
    write: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A feed, or a CalDAV account with its calendars."""

    kind: Kind
    url: str = field(repr=False)
    login: Login | None = None
    calendars: tuple[SelectedCalendar, ...] = field(default=(), repr=False)

    @property
    def host(self) -> str:
        """The server's name, which may be shown."""
        return URL(self.url).host

    @property
    def write_to(self) -> str | None:
        """The calendar that meetings are written to, if the person wants that."""
        return next((calendar.url for calendar in self.calendars if calendar.write), None)

    def build_client(self, http_client: GuardedHttpClient) -> CalDavClient:
        """Build the CalDAV client of this account."""
        assert self.login is not None
        return CalDavClient(http_client, self.url, self.login)

    def update_calendars(self, collections: list[Collection]) -> "Account":
        """Replace the calendars by those the server has now; known ones keep their use, new ones are read.

        Raises TooManyCalendars.
        """
        if len(collections) > MAX_CALENDARS:
            raise TooManyCalendars
        calendars_by_url = {collection.url: collection for collection in self.calendars}
        calendars = [
            calendars_by_url.get(collection.url)
            or SelectedCalendar(collection.url, collection.name, collection.writable)
            for collection in collections
        ]
        return replace(self, calendars=tuple(calendars))

    def select_calendars(self, read: list[str] | None, write_to: str | None) -> "Account":
        """Select the calendars to read (None: all) and the one to write to. Raises UnknownCalendar."""
        urls = {calendar.url for calendar in self.calendars}
        writable_urls = {calendar.url for calendar in self.calendars if calendar.writable}
        if not set(read or ()) <= urls or (write_to is not None and write_to not in writable_urls):
            raise UnknownCalendar
        calendars = [
            replace(calendar, read=read is None or calendar.url in read, write=calendar.url == write_to)
            for calendar in self.calendars
        ]
        return replace(self, calendars=tuple(calendars))

    def to_secret(self) -> dict[str, Any]:
        """Convert to a JSON value, to be encrypted."""
        calendars = [
            {
                "url": calendar.url,
                "name": calendar.name,
                "writable": calendar.writable,
                "read": calendar.read,
                "write": calendar.write,
            }
            for calendar in self.calendars
        ]
        login = {"user": self.login.user, "password": self.login.password} if self.login else {}
        return {"kind": self.kind, "url": self.url, **login, "calendars": calendars}

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any]) -> "Account":
        """Build the account from a decrypted value."""
        login = Login(secret["user"], secret["password"]) if "user" in secret else None
        return cls(
            secret["kind"],
            secret["url"],
            login,
            tuple(SelectedCalendar(**calendar) for calendar in secret["calendars"]),
        )
