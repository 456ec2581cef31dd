"""Delivery to calendars: writes, moves and removes each host's meetings in their own calendar, by CalDAV.

It makes the calendar show what the log says now, so repeating it, also after a crash, changes nothing: no handover is
ever in doubt. An entry is stored under the meeting's id and names no participants: the calendar's server must not send
invitations, because people are notified by mail.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain.notifications.calendar_delivery import CalendarFailureReason as Reason
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.notifications.outbox import Notification
from domain.refusals import Refusal
from domain.token import Token
from integrations.calendar_entry import CalendarEntry
from integrations.calendars.accounts import Account
from integrations.calendars.caldav import CalDavClient
from integrations.calendars.errors import (
    CalendarError,
    EntryChanged,
    HostNotFound,
    NoConnection,
    NotCalDav,
    TooSlow,
    WrongLogin,
)
from integrations.calendars.sync import CalendarSync
from integrations.delivery import DeliveryAttempt, DeliveryFailed, NothingToDeliver
from integrations.icalendar import build_uid, render_icalendar
from integrations.meeting_details import MeetingDetails
from integrations.meeting_details_loader import MeetingDetailsLoader
from store.credentials.encrypted_secrets import DecryptionFailed
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

WRITE_ATTEMPTS = 2  # attempts; each takes at most 2 x 20 s, less than a lease
REASON_BY_ERROR: dict[type[CalendarError], Reason] = {
    NoConnection: "server_unreachable",
    HostNotFound: "server_unreachable",
    TooSlow: "server_too_slow",
    WrongLogin: "sign_in_refused",
    NotCalDav: "no_such_calendar",
    EntryChanged: "changed_meanwhile",
}


class CalendarDelivery:
    """Delivers notifications by bringing a host's calendar up to date."""

    channel = "calendar"
    failure_message = "The calendar of a %s of booking %s: %s"

    def __init__(self, calendar_sync: CalendarSync, details_loader: MeetingDetailsLoader) -> None:
        self.calendar_sync = calendar_sync
        self.details_loader = details_loader

    def describe_attempt(self, token: NotifiedAggregate, notification: Notification) -> Mapping[str, Any]:
        """Describe an attempt: there is nothing to say of it."""
        return {}

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Write or remove the host's entry; returns which of these. Raises as `Delivery.deliver`."""
        person_id = attempt.notification.person_id
        calendar = self.calendar_sync.store.find_writer(person_id) if person_id else None
        if calendar is None:
            raise NothingToDeliver
        try:
            return {"done": self.update_calendar(attempt, self.calendar_sync.decrypt_account(calendar))}
        except (DatabaseAway, Refusal, NothingToDeliver):
            raise
        except Exception as error:  # nothing that another server sends may end this thread
            raise DeliveryFailed(classify_error(error)) from error

    def release_idle_resources(self) -> None:
        """Nothing is held between two entries."""

    def interrupt(self) -> bool:
        """A slow server is left alone: what may still be written matches the log, and is written again."""
        return False

    def close(self) -> None:
        """Nothing is open."""

    def update_calendar(self, attempt: DeliveryAttempt, account: Account) -> str:
        """Write the meeting as it is now, or remove it when it is no longer this host's or the host has left.

        Returns "written" or "removed". Raises CalendarError, NothingToDeliver when nothing is written to the account.
        """
        token = attempt.token
        assert isinstance(token, Token)  # calendars are only notified of meetings
        if account.write_to is None:
            raise NothingToDeliver
        client = account.build_client(self.calendar_sync.http_client)
        host = self.details_loader.find_person(attempt.notification.person_id)
        if token.cancelled or host is None or host.id not in token.host_ids or not host.active:
            client.delete(account.write_to, build_uid(token.id))
            return "removed"
        data = render_host_entry(self.details_loader.load_details(token), host.properties.time_zone)
        write_entry(client, account.write_to, build_uid(token.id), data)
        return "written"


def write_entry(client: CalDavClient, url: str, uid: str, data: bytes) -> None:
    """Create or replace an entry, whatever it is now. Raises CalendarError."""
    for _ in range(WRITE_ATTEMPTS):
        stored = client.get(url, uid)
        try:
            client.put(url, uid, data, stored.etag if stored else None, new=stored is None)
        except EntryChanged:
            continue
        return
    raise EntryChanged


def render_host_entry(details: MeetingDetails, zone: str) -> bytes:
    """Render the meeting for a host's own calendar."""
    entry = details.build_entry(for_guest=False, zone=zone)
    guest = f"Guest: {details.guest.name} <{details.guest.email}>" if details.guest else None
    hosts = f"Hosts: {', '.join(host.name for host in details.hosts)}" if len(details.hosts) > 1 else None
    return render_icalendar(describe_participants(entry, [line for line in (guest, hosts) if line]), invites=False)


def describe_participants(entry: CalendarEntry, lines: Sequence[str]) -> CalendarEntry:
    """Put the participants into the entry's description."""
    return replace(entry, description="\n\n".join(["\n".join(lines), entry.description]).strip())


def classify_error(error: Exception) -> Reason:
    """Classify an error as the reason that the log keeps."""
    if isinstance(error, CalendarError):
        return next(
            (reason for error_type, reason in REASON_BY_ERROR.items() if isinstance(error, error_type)), "refused"
        )
    if isinstance(error, DecryptionFailed):
        return "not_opened"
    log.error("A meeting could not be written to a calendar", exc_info=error)
    return "not_written"
