"""Where a calendar is and how to sign in to it: what is sealed in the database, and shown to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from httpx2 import URL

from integrations.calendars.caldav import CalDav, Collection
from integrations.calendars.errors import SeveralCalendars, TooManyCalendars
from integrations.calendars.http_client import Login, Web

Kind = Literal["feed", "caldav"]
MOST_CALENDARS = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """One calendar of an account, and what it is used for."""

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
    calendars: tuple[Chosen, ...] = field(default=(), repr=False)

    @property
    def host(self) -> str:
        """The server's name, which may be shown."""
        return URL(self.url).host

    @property
    def write_to(self) -> str | None:
        """The calendar that meetings are written to, if the person wants that."""
        return next((one.url for one in self.calendars if one.write), None)

    def client(self, web: Web) -> CalDav:
        """The CalDAV client of this account."""
        assert self.login is not None
        return CalDav(web, self.url, self.login)

    def with_calendars(self, found: list[Collection]) -> "Account":
        """The account with the calendars that its server has now, each used as before; new ones are read.

        Raises TooManyCalendars.
        """
        if len(found) > MOST_CALENDARS:
            raise TooManyCalendars
        before = {one.url: one for one in self.calendars}
        now = [before.get(one.url) or Chosen(one.url, one.name, one.writable) for one in found]
        return replace(self, calendars=tuple(now))

    def choosing(self, read: list[str] | None, write_to: str | None) -> "Account":
        """The account with its calendars read (None: all) and written to as wished. Raises SeveralCalendars."""
        known = {one.url for one in self.calendars}
        writable = {one.url for one in self.calendars if one.writable}
        if not set(read or ()) <= known or (write_to is not None and write_to not in writable):
            raise SeveralCalendars
        chosen = [
            replace(one, read=read is None or one.url in read, write=one.url == write_to) for one in self.calendars
        ]
        return replace(self, calendars=tuple(chosen))

    def as_secret(self) -> dict[str, Any]:
        """All of it, to be sealed."""
        calendars = [
            {"url": one.url, "name": one.name, "writable": one.writable, "read": one.read, "write": one.write}
            for one in self.calendars
        ]
        login = {"user": self.login.user, "password": self.login.password} if self.login else {}
        return {"kind": self.kind, "url": self.url, **login, "calendars": calendars}

    @classmethod
    def of_secret(cls, secret: Mapping[str, Any]) -> "Account":
        """The account that was sealed."""
        login = Login(secret["user"], secret["password"]) if "user" in secret else None
        return cls(secret["kind"], secret["url"], login, tuple(Chosen(**one) for one in secret["calendars"]))
