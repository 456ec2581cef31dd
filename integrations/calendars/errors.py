"""Errors of reading calendars. A class's docstring is the sentence that people read: no URL, no password."""


class CalendarError(Exception):
    """The calendar could not be read."""

    field = "url"

    def __init__(self, detail: str = "", retry_after: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after  # seconds that the server asked for

    @property
    def sentence(self) -> str:
        """The sentence for the calendar's owner: the rule, and what little detail may be shown."""
        return " ".join(filter(None, ((type(self).__doc__ or "").strip(), self.detail)))


class InvalidUrl(CalendarError):
    """This is not a web address, such as https://calendar.example/busy.ics."""


class WrongScheme(CalendarError):
    """A calendar's address begins with https://, http:// or webcal://."""


class LoginInAddress(CalendarError):
    """An address with a user name or password in it is not read. Give a CalDAV account its own fields for them."""


class WrongPort(CalendarError):
    """A calendar is read on port 80, 443, or one from 1024 on."""


class PrivateAddress(CalendarError):
    """This address leads into a private or reserved network, which is not read from here."""


class HostNotFound(CalendarError):
    """The calendar's server was not found: its name has no address."""


class NoConnection(CalendarError):
    """The calendar's server could not be reached, or broke the connection off."""


class UntrustedCertificate(CalendarError):
    """The calendar's server could not prove who it is: its certificate is not valid."""


class TooSlow(CalendarError):
    """The calendar's server took too long to answer."""


class TooLarge(CalendarError):
    """The calendar is too large: more than 10 MB."""


class WrongEncoding(CalendarError):
    """The calendar's server sent it compressed in a way that was not asked for, or broken."""


class TooManyRedirects(CalendarError):
    """The address leads to others more than three times."""


class DowngradedRedirect(CalendarError):
    """The address leads from https:// to an address that is not encrypted."""


class ForeignRedirect(CalendarError):
    """The server leads to another site, where the password is not sent."""


class OutsideAllowedNetworks(CalendarError):
    """Without encryption a calendar is only read inside the networks that are allowed."""


class PasswordInTheClear(CalendarError):
    """A password is only sent to an address with https://."""


class WrongStatus(CalendarError):
    """The calendar's server refused."""


class WrongLogin(CalendarError):
    """The calendar's server does not accept this user name and password."""

    field = "password"


class NotACalendar(CalendarError):
    """What is at this address is not an iCalendar feed (it does not begin with BEGIN:VCALENDAR)."""


class BrokenCalendar(CalendarError):
    """The calendar breaks a rule of iCalendar (RFC 5545)."""


class TooComplex(CalendarError):
    """The calendar takes too long to work out, or has too many entries."""


class TooManyCalendars(CalendarError):
    """The account has more calendars than are read, which is 20."""


class NotCalDav(CalendarError):
    """What is at this address is not a CalDAV server, or has no calendar."""


class UnknownCalendar(CalendarError):
    """This account has no calendar of that address."""

    field = "calendars"


class EntryChanged(CalendarError):
    """The entry was changed in the calendar meanwhile."""
