"""The bodies that clients send about their calendars."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.field_types import Body, Name, calendar_address
from api.v1.request_bodies import Changes, unique
from integrations.calendars.accounts import Account, Kind
from integrations.calendars.http_client import Login

CalendarAddress = Annotated[str, StringConstraints(max_length=2000), AfterValidator(calendar_address)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Addresses = Annotated[list[CalendarAddress], AfterValidator(unique), Field(max_length=20)]


class NewCalendar(Body):
    """A calendar to read: a feed by its secret address, or a CalDAV account.

    Of an account all calendars are read, or those named in `calendars`; one's meetings are written to `write_to`.
    """

    kind: Kind = "feed"
    url: CalendarAddress
    name: Name | None = None
    user: Secret | None = None
    password: Secret | None = None
    calendars: Addresses | None = None
    write_to: CalendarAddress | None = None

    @model_validator(mode="after")
    def complete(self) -> "NewCalendar":
        """A CalDAV account has a user name and a password, and only it has calendars to choose from."""
        of_account = (self.user, self.password, self.calendars, self.write_to)
        if self.kind == "feed" and any(one is not None for one in of_account):
            raise ValueError("A feed has only an address: user, password, calendars and write_to are for CalDAV.")
        if self.kind == "caldav" and (self.user is None or self.password is None):
            raise ValueError("A CalDAV account has a user and a password.")
        return self

    def account(self) -> Account:
        """The feed or account."""
        login = Login(self.user, self.password) if self.user and self.password else None
        return Account(self.kind, self.url, login)

    def chosen(self, account: Account) -> Account:
        """The account with its calendars chosen. Raises SeveralCalendars."""
        return account.choosing(self.calendars, self.write_to)


class CalendarChoice(Changes):
    """Which calendars of an account are read, and which one one's meetings are written to; null: to none."""

    CLEARABLE = frozenset({"write_to"})

    calendars: Addresses | None = None
    write_to: CalendarAddress | None = None
