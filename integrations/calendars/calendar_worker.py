"""The outbox worker that writes, moves and removes each host's meetings in their own calendar, by CalDAV.

It makes the calendar show what the log says now, so repeating it, also after a crash, changes nothing. An entry is
stored under the meeting's id and names no participants: the calendar's server must not send invitations, because
people are notified by mail.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from domain.notifications.calendar_delivery import CalendarFailureReason as Reason
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from integrations.calendars.accounts import Account
from integrations.calendars.errors import (
    CalendarError,
    EntryChanged,
    HostNotFound,
    NoConnection,
    NotCalDav,
    TooSlow,
    WrongLogin,
)
from integrations.icalendar import CalendarEntry, build_uid, render_icalendar
from integrations.meeting_details import MeetingDetails, load_meeting_details
from integrations.outbox_worker import OutboxWorker, build_system_context
from projections.following.leases import Lease
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


class CalendarWorker(OutboxWorker):
    """An outbox worker in its own thread, so that a slow calendar server delays no mail."""

    CHANNELS = ("calendar",)

    def stop(self) -> None:
        """Stop; give a slow server a moment, then leave its thread to end with the process.

        What it may still write matches the log, and is written again.
        """
        self.request_stop()
        while self.is_alive and time.monotonic() < self._stop_deadline:
            time.sleep(0.01)

    def _work(self) -> None:
        """Process entries until stopped. Raises what unexpected failures raise."""
        self._run_loop(self.process_next_entry)

    def process_next_entry(self) -> bool:
        """Process one due entry of one host; True if there may be another. Raises DatabaseAway, Refusal."""
        lease = self.take_lease()
        if lease is None:
            return False
        token = self.services.notifications.load_token_if_pending(lease.token_id, lease.notification)
        account = self.find_account(lease) if token else None
        if token is None or account is None:  # the log, or the person, is newer than the outbox table
            self.release_lease(lease)
            return True
        self.deliver_entry(lease, token, account)
        return True

    def deliver_entry(self, lease: Lease, token: Token, account: Account | DecryptionFailed) -> None:
        """Write one host's entry, and record the outcome."""
        try:
            if isinstance(account, DecryptionFailed):
                raise account
            outcome = self.write_meeting(token, lease, account)
        except (DatabaseAway, Refusal):
            raise
        except Exception as error:  # nothing that another server sends may end this thread
            reason = classify_error(error)
            log.warning("The calendar of a %s of booking %s: %s", lease.notification.to, lease.token_id, reason)
            commands = self.services.notifications
            self.record_outcome(
                lease,
                lambda: commands.record_failure(
                    build_system_context(), lease.token_id, lease.notification, reason, last=False
                ),
            )
            return
        self.record_outcome(
            lease,
            lambda: self.services.notifications.record_delivery(
                build_system_context(), lease.token_id, lease.notification, done=outcome
            ),
        )

    def write_meeting(self, token: Token, lease: Lease, account: Account) -> str:
        """Write the meeting as it is now, or remove it when it is no longer this host's or the host has left.

        Returns "written" or "removed". Raises CalendarError.
        """
        url, uid, client = (
            account.write_to,
            build_uid(token.id),
            account.build_client(self.services.calendar_sync.http_client),
        )
        assert url is not None
        host = (
            self.services.administration.load_aggregate(Person, lease.notification.person_id)
            if lease.notification.person_id
            else None
        )
        if token.cancelled or host is None or host.id not in token.host_ids or not host.active:
            client.delete(url, uid)
            return "removed"
        data = render_host_entry(load_meeting_details(self.services, token), host.properties.time_zone)
        for _ in range(WRITE_ATTEMPTS):
            stored = client.get(url, uid)
            try:
                client.put(url, uid, data, stored.etag if stored else None, new=stored is None)
            except EntryChanged:
                continue
            return "written"
        raise EntryChanged

    def find_account(self, lease: Lease) -> "Account | DecryptionFailed | None":
        """Find the account that this host's meetings are written to; None when there is none."""
        calendar_sync, person_id = self.services.calendar_sync, lease.notification.person_id
        calendar = calendar_sync.store.find_writer(person_id) if person_id else None
        if calendar is None:
            return None
        try:
            account = calendar_sync.decrypt_account(calendar)
        except DecryptionFailed as error:
            return error
        return account if account.write_to else None


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
