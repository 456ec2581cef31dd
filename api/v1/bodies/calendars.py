"""Request bodies about connected calendars."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.field_types import Name, RequestBody, require_calendar_url, require_unique
from api.v1.request_bodies import PatchBody
from integrations.calendars.accounts import Account, Kind
from integrations.calendars.http_client import Login

CalendarAddress = Annotated[str, StringConstraints(max_length=2000), AfterValidator(require_calendar_url)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Addresses = Annotated[list[CalendarAddress], AfterValidator(require_unique), Field(max_length=20)]


class NewCalendar(RequestBody):
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
    def validate_login(self) -> "NewCalendar":
        """Require user and password for CalDAV, and refuse CalDAV fields for a feed. Raises ValueError."""
        account_fields = (self.user, self.password, self.calendars, self.write_to)
        if self.kind == "feed" and any(field is not None for field in account_fields):
            raise ValueError("A feed has only an address: user, password, calendars and write_to are for CalDAV.")
        if self.kind == "caldav" and (self.user is None or self.password is None):
            raise ValueError("A CalDAV account has a user and a password.")
        return self

    def to_account(self) -> Account:
        """Convert to the account that is read."""
        login = Login(self.user, self.password) if self.user and self.password else None
        return Account(self.kind, self.url, login)

    def choose_calendars(self, account: Account) -> Account:
        """Apply the choice of calendars to an account. Raises UnknownCalendar."""
        return account.select_calendars(self.calendars, self.write_to)


class CalendarChoice(PatchBody):
    """Which calendars of an account are read, and which one one's meetings are written to; null: to none."""

    CLEARABLE = frozenset({"write_to"})

    calendars: Addresses | None = None
    write_to: CalendarAddress | None = None
