"""Why a calendar cannot be read: the docstring is the sentence people read, and no address or password is in it."""


class Trouble(Exception):
    """The calendar could not be read."""

    field = "url"

    def __init__(self, said: str = "", retry_after: int = 0) -> None:
        super().__init__(said)
        self.said = said
        self.retry_after = retry_after  # seconds that the server asked for

    @property
    def sentence(self) -> str:
        """What to tell the person whose calendar it is: the rule, and what little may be said of this case."""
        return " ".join(filter(None, ((type(self).__doc__ or "").strip(), self.said)))


class NotAnAddress(Trouble):
    """This is not a web address, such as https://calendar.example/busy.ics."""


class WrongScheme(Trouble):
    """A calendar's address begins with https://, http:// or webcal://."""


class LoginInAddress(Trouble):
    """An address with a user name or password in it is not read. Give a CalDAV account its own fields for them."""


class WrongPort(Trouble):
    """A calendar is read on port 80, 443, or one from 1024 on."""


class InsideAddress(Trouble):
    """This address leads into a private or reserved network, which is not read from here."""


class NoSuchHost(Trouble):
    """The calendar's server was not found: its name has no address."""


class NoConnection(Trouble):
    """The calendar's server could not be reached, or broke the connection off."""


class NotTrusted(Trouble):
    """The calendar's server could not prove who it is: its certificate is not valid."""


class TooSlow(Trouble):
    """The calendar's server took too long to answer."""


class TooLarge(Trouble):
    """The calendar is too large: more than 10 MB."""


class WrongEncoding(Trouble):
    """The calendar's server sent it compressed in a way that was not asked for, or broken."""


class TooManyRedirects(Trouble):
    """The address leads to others more than three times."""


class DowngradedRedirect(Trouble):
    """The address leads from https:// to an address that is not encrypted."""


class ForeignRedirect(Trouble):
    """The server leads to another site, where the password is not sent."""


class PasswordInTheClear(Trouble):
    """A password is only sent to an address with https://."""


class WrongStatus(Trouble):
    """The calendar's server refused."""


class WrongLogin(Trouble):
    """The calendar's server does not accept this user name and password."""

    field = "password"


class NotACalendar(Trouble):
    """What is at this address is not an iCalendar feed (it does not begin with BEGIN:VCALENDAR)."""


class BrokenCalendar(Trouble):
    """The calendar breaks a rule of iCalendar (RFC 5545)."""


class TooMuch(Trouble):
    """The calendar takes too long to work out, or has too many entries."""


class TooManyCalendars(Trouble):
    """The account has more calendars than are read, which is 20."""


class NotCalDav(Trouble):
    """What is at this address is not a CalDAV server, or has no calendar."""


class SeveralCalendars(Trouble):
    """This account has no calendar of that address."""

    field = "calendars"


class Changed(Trouble):
    """The entry was changed in the calendar meanwhile."""
