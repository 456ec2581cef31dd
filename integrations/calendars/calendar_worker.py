"""The courier that keeps hosts' own calendars: each of their meetings is written, moved and removed there, by CalDAV.

It makes the calendar say what the log says now, so doing it twice, or again after a crash, changes nothing. An entry
goes under the meeting's id, without the guest's and hosts' addresses as participants: a calendar's server must not
invite anybody to what is told to them by mail.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from domain.notifications.calendar_delivery import Trouble as Reason
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from integrations.calendars.accounts import Account
from integrations.calendars.errors import (
    Changed,
    NoConnection,
    NoSuchHost,
    NotCalDav,
    TooSlow,
    Trouble,
    WrongLogin,
)
from integrations.icalendar import Entry, calendar, uid
from integrations.meeting_details import Facts, facts_of
from integrations.outbox_worker import Courier, by_system
from projections.following.leases import Taken
from store.credentials.encrypted_secrets import SealBroken
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

WRITES = 2  # each of at most twice 20 s: a lease is longer
REASONS: dict[type[Trouble], Reason] = {
    NoConnection: "server_unreachable",
    NoSuchHost: "server_unreachable",
    TooSlow: "server_too_slow",
    WrongLogin: "sign_in_refused",
    NotCalDav: "no_such_calendar",
    Changed: "changed_meanwhile",
}


class CalendarCourier(Courier):
    """Runs in a thread of its own; a calendar's server may be slow without anybody's mail having to wait."""

    CHANNELS = ("calendar",)

    def stop(self) -> None:
        """Ends it; a server that is slow gets a moment, then it is left to the end of the process.

        What it may still write says what the log says, and is written again.
        """
        self.ask_to_stop()
        while self.alive and time.monotonic() < self._ending_at:
            time.sleep(0.01)

    def _work(self) -> None:
        """Goes on until stopped, or anything unexpected fails."""
        self._rounds(self.keep_one)

    def keep_one(self) -> bool:
        """Deals with one meeting of one host that is due; whether there may be another. Raises what the log does."""
        one = self.take()
        if one is None:
            return False
        token = self.oncelink.tellings.open(one.token_id, one.telling)
        account = self.account_of(one) if token else None
        if token is None or account is None:  # the log, or the person, knows more than the list that was asked
            self.let_go(one)
            return True
        self.attempt_write(one, token, account)
        return True

    def attempt_write(self, one: Taken, token: Token, account: Account | SealBroken) -> None:
        """Makes one host's calendar say what the log says, and says what became of it."""
        try:
            if isinstance(account, SealBroken):
                raise account
            done = self.written(token, one, account)
        except (DatabaseAway, Refusal):
            raise
        except Exception as error:  # nothing that another server does may end this thread
            reason = reason_of(error)
            log.warning("The calendar of a %s of booking %s: %s", one.telling.to, one.token_id, reason)
            tellings = self.oncelink.tellings
            self.say(one, lambda: tellings.failed(by_system(), one.token_id, one.telling, reason, last=False))
            return
        self.say(one, lambda: self.oncelink.tellings.sent(by_system(), one.token_id, one.telling, done=done))

    def written(self, token: Token, one: Taken, account: Account) -> str:
        """Writes the meeting as it is now, or removes it where it is no longer this host's, or the host has left.

        Raises Trouble.
        """
        url, id, client = account.write_to, uid(token.id), account.client(self.oncelink.calendars.web)
        assert url is not None
        host = self.oncelink.staffing.get(Person, one.telling.person_id) if one.telling.person_id else None
        if token.cancelled or host is None or host.id not in token.host_ids or not host.active:
            client.delete(url, id)
            return "removed"
        data = own_entry(facts_of(self.oncelink, token), host.properties.time_zone)
        for _ in range(WRITES):
            found = client.get(url, id)
            try:
                client.put(url, id, data, found.etag if found else None, new=found is None)
            except Changed:
                continue
            return "written"
        raise Changed

    def account_of(self, one: Taken) -> "Account | SealBroken | None":
        """Where this host's meetings are written to; None when they are not."""
        calendars, person_id = self.oncelink.calendars, one.telling.person_id
        kept = calendars.store.writer_of(person_id) if person_id else None
        if kept is None:
            return None
        try:
            account = calendars.account(kept)
        except SealBroken as broken:
            return broken
        return account if account.write_to else None


def own_entry(facts: Facts, zone: str) -> bytes:
    """The meeting as it stands in a host's own calendar."""
    entry = facts.entry(for_guest=False, zone=zone)
    guest = f"Guest: {facts.guest.name} <{facts.guest.email}>" if facts.guest else None
    hosts = f"Hosts: {', '.join(host.name for host in facts.hosts)}" if len(facts.hosts) > 1 else None
    return calendar(without_invitations(entry, [line for line in (guest, hosts) if line]), invites=False)


def without_invitations(entry: Entry, lines: Sequence[str]) -> Entry:
    """An entry that says in words who takes part."""
    return replace(entry, description="\n\n".join(["\n".join(lines), entry.description]).strip())


def reason_of(error: Exception) -> Reason:
    """Why a calendar could not be written, in a word."""
    if isinstance(error, Trouble):
        return next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), "refused")
    if isinstance(error, SealBroken):
        return "not_opened"
    log.error("A meeting could not be written to a calendar", exc_info=error)
    return "not_written"
