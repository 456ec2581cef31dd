"""Why a command was refused: the docstring is the sentence people read, the code is the class name in snake case."""

import re
from collections.abc import Mapping
from datetime import timedelta
from math import ceil


class Refusal(Exception):
    """This cannot be done."""

    @property
    def code(self) -> str:
        """The stable code of the contract, for example `link_used`."""
        return to_code(type(self).__name__)

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        return (type(self).__doc__ or "").strip()


class Invalid(Refusal):
    """What was sent breaks a rule."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    @property
    def errors(self) -> Mapping[str, str]:
        """The message of each field that breaks a rule."""
        return {self.field: self.message}


class Unauthorized(Refusal):
    """Sign in, or send a valid API key."""


class Forbidden(Refusal):
    """Your roles do not allow this."""


class ForeignOrigin(Forbidden):
    """This request came from another site, so nothing was done. Please repeat it on this page."""

    code = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or it is not yours to see."""


class LinkNotFound(Refusal):
    """This link does not exist. Please check the address, or ask for a new link."""


class LinkUsed(Refusal):
    """This link has already been used to book its one meeting. Please ask for a new link."""


class LinkUnconfirmed(Refusal):
    """This link cannot be booked at the moment. Please try again later, or ask for a new link."""


class LinkExpired(Refusal):
    """This link has expired. Please ask for a new link."""


class LinkRevoked(Refusal):
    """This link was withdrawn. Please ask for a new link."""


class LinkDisabled(Refusal):
    """This link is switched off at the moment. Please ask for a new link, or try again later."""


class LinkSingleUseOnly(Refusal):
    """This link books nothing itself. Please ask whoever sent it to you for a link of your own."""

    def __init__(self, contact: str | None = None) -> None:
        """Takes the organisation's contact, if it has one: an e-mail or web address."""
        super().__init__(contact)
        self.contact = contact

    @property
    def sentence(self) -> str:
        """What happened, and whom to ask."""
        return f"{super().sentence} You can also write to {self.contact}." if self.contact else super().sentence


class NotTheRecipient(Refusal):
    """This link is only for the person that it was made for. Please book with the e-mail address it was sent to."""


class LinkUnattended(LinkDisabled):
    """Nobody can be met through this link at the moment. Please ask whoever sent it to you for a new one."""

    code = "link_disabled"


class LinkDeleted(Refusal):
    """This link no longer exists. Please ask for a new link."""


class ManageLinkExpired(Refusal):
    """This meeting is long over, so its link has ended. Please write to whoever you met if you need anything."""

    def __init__(self, host_names: tuple[str, ...] = ()) -> None:
        super().__init__(host_names)
        self.host_names = host_names


class SlotTaken(Refusal):
    """This time has just been taken. Please choose another one."""


class HostNotFree(SlotTaken):
    """This person is not free at the time of the meeting. Please choose somebody else, or move the meeting first."""

    code = "slot_taken"


class SlotNotOffered(Refusal):
    """This time is not on offer. Please choose one of the offered times."""


class NoOtherSlotOffered(SlotNotOffered):
    """No other time is on offer at the moment. Your meeting stands as it is; please ask whoever invited you."""

    code = "slot_not_offered"


class MeetingStarted(Refusal):
    """The meeting has already started, so it can no longer be changed."""


class MeetingNotStarted(Refusal):
    """The meeting has not started yet, so nobody can have missed it."""


class NoShowTooLate(Refusal):
    """The meeting started more than 14 days ago, so whether the guest came can no longer be changed."""


class BookingCancelled(Refusal):
    """This booking was cancelled, and a cancelled booking stays cancelled."""


class AlreadyBooked(Refusal):
    """This single-use link has been booked, so it can no longer be revoked."""


class NotReplaceable(Refusal):
    """A new link is given once, for a meeting that was cancelled or missed, where the organisation allows it."""


class NothingToSend(Refusal):
    """This is not sent again: a later mail has replaced it, its guest was erased, or the meeting is over."""


class SlugTaken(Refusal):
    """Another link already has this slug."""


class TeamInUse(Refusal):
    """A link still uses this team. Give its links another team, or none, and delete it then."""


class EmailTaken(Refusal):
    """Another person already has this e-mail address."""


class VersionConflict(Refusal):
    """Somebody changed this meanwhile. Load it again and repeat your change."""


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was already used with another request."""


class Erased(Refusal):
    """The personal details of this booking were erased."""


class RebuildRunning(Refusal):
    """A rebuild is running already. Please wait until it has ended."""


class NewerVersionLive(Refusal):
    """A newer version of this program has built this read model, so this one leaves it alone."""


class ReadModelBehind(Refusal):
    """The list has not caught up with your change yet. Please try again in a moment."""


class VerificationRunning(Refusal):
    """The log is being verified already. Its result is at the same address when it is done."""


class TooManyRequests(Refusal):
    """That was a little fast: many requests have come from your network."""

    code = "too_many_requests"
    policy = "requests"  # the name of the quota in the fields RateLimit and RateLimit-Policy

    def __init__(self, wait: timedelta = timedelta(minutes=1)) -> None:
        """Takes the time after which there is something left of the quota."""
        super().__init__()
        seconds = max(1, ceil(wait.total_seconds()))
        self.retry_after = seconds if seconds < 60 else 60 * ceil(seconds / 60)  # seconds, as the sentence says them

    @property
    def sentence(self) -> str:
        """What happened, and when to try again: exactly after `retry_after`."""
        return f"{super().sentence} Please try again in {describe_wait(self.retry_after)}."


class TooManyBookings(TooManyRequests):
    """Many meetings have been booked here with this e-mail address within a day, so this one was not booked."""

    policy = "bookings"


class TooManyMoves(TooManyRequests):
    """This meeting has been moved many times within a day, so it stays where it is."""

    policy = "moves"


class TooManyMails(TooManyRequests):
    """We have sent many mails to this e-mail address within a day and would not send another, so nothing was done."""

    policy = "mails"


class TooManyCodes(TooManyRequests):
    """We have mailed many codes to this e-mail address within a day, so we did not send another."""

    policy = "codes"


class TooManySignInRequests(TooManyRequests):
    """Many sign-in links have been requested, so this one was not sent."""

    policy = "sign-in"


class ProofOfWorkRequired(Refusal):
    """This link asks for a fresh proof of work: solve a new challenge, and send its solution with the booking."""


class MailedCodeRequired(Refusal):
    """This link asks for a code that is mailed to the guest: send it with the booking."""


class MailedCodeWrong(Refusal):
    """This is not the code that we mailed last, or it is no longer valid. Please check it, or ask for another one."""


class CalendarsBusy(Refusal):
    """Too many calendars are being read at the moment. Please try again in a moment."""


class TryAgain(Refusal):
    """The database is not answering right now. Please try again; nothing is booked twice."""


def to_code(name: str) -> str:
    """Converts the name of a refusal to its code: snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def find_code(refusal: type[Refusal]) -> str:
    """Finds the code of a kind of refusal: the one that is set on its class, or that of its name."""
    return refusal.code if isinstance(refusal.code, str) else to_code(refusal.__name__)


def describe_wait(seconds: int) -> str:
    """Describes a time to wait in words: `23 seconds`, `1 minute`, `5 hours and 12 minutes`."""
    if seconds < 60:
        return count_units(seconds, "second")
    hours, minutes = divmod(seconds // 60, 60)
    counts = [count_units(hours, "hour")] * (hours > 0) + [count_units(minutes, "minute")] * (minutes > 0)
    return " and ".join(counts)


def count_units(count: int, unit: str) -> str:
    """Writes a number of units: `1 hour`, `2 hours`."""
    return f"{count} {unit}{'' if count == 1 else 's'}"
