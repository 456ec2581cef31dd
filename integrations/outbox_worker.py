"""The outbox worker: delivers what the outbox owes, one notification at a time, and records the outcome in the log.

It takes a lease, asks the log whether the notification is still owed, delivers it while it holds neither a
transaction nor a connection, and appends the outcome. When a worker dies its lease expires: if the data was not yet
being sent, another worker starts again; if it was, the outcome of that attempt is unknown, which the log records
before a second and last attempt with the same Message-ID.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from uuid import UUID, uuid4

from api.clock import read_clock
from api.services import Services
from domain.event import Actor, Context
from domain.notifications.outbox import Notification
from domain.person import Person
from domain.refusals import ReadModelBehind, Refusal, TryAgain
from domain.token import Token
from integrations.mail.mail_message import InvalidEmailAddress
from integrations.mail.mail_transport import MailTransport, OutgoingMail
from integrations.mail.meeting_mails import AddresseeUnknown, build_meeting_mail
from integrations.mail.smtp import DeliveryFailed
from integrations.meeting_details import load_meeting_details
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.following.leases import Lease, Leases
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

IDLE_SECONDS = 1.0  # polling is the guarantee, a wake-up only makes it sooner
QUICK_POLL_SECONDS = 0.05  # the read model is milliseconds behind the log
QUICK_POLLS = 20
LEASE = timedelta(seconds=90)
SEND_TIMEOUT_SECONDS = 45.0  # for one whole mail; shorter than a lease
FIRST_PAUSE_SECONDS = 1.0  # while the server is away, one mail is enough to find out whether it is back
MAX_PAUSE_SECONDS = 30.0
REST_FACTOR = 3.0  # pauses this many times the CPU time that a mail took, so that page requests go first
GRACE_SECONDS = 2.0  # for the current mail, when the service stops


@dataclass
class OutboxTiming:
    """Poll, lease and back-off times, in seconds; tests use shorter ones."""

    idle: float = IDLE_SECONDS
    lease: timedelta = LEASE
    first_pause: float = FIRST_PAUSE_SECONDS
    max_pause: float = MAX_PAUSE_SECONDS


class OutboxWorker(BackgroundWorker):
    """Delivers mail in a thread of its own, with an event loop for SMTP."""

    CHANNELS: Sequence[str] = ("mail",)

    def __init__(self, services: Services, timing: OutboxTiming | None = None) -> None:
        self.services = services
        self.timing = timing or OutboxTiming()
        self.leases = Leases(services.database, services.live_source, uuid4())
        self.pause = 0.0
        self._stop_deadline = 0.0
        self._released_at: dict[UUID, float] = {}
        self._wake = Event()
        self._thread = SupervisedThread("courier", self._work)
        self._send_task: asyncio.Task[bool] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Work in this thread until another one calls `stop`."""
        self._thread.run()

    def wake(self) -> None:
        """Wake the worker: the log may have grown. Returns at once."""
        self._wake.set()

    def request_stop(self) -> None:
        """Ask the worker to stop after the current mail; returns at once."""
        self._stop_deadline = self._stop_deadline or time.monotonic() + GRACE_SECONDS
        self._thread.stop_requested.set()
        self._wake.set()

    def stop(self) -> None:
        """Stop; the current mail gets a grace period."""
        self.request_stop()
        while self.is_alive and time.monotonic() < self._stop_deadline:
            time.sleep(0.01)
        send_task, loop = self._send_task, self._loop
        if send_task is not None and loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(send_task.cancel)
        self._thread.stop()

    def _work(self) -> None:
        """Deliver mail until stopped. Raises what unexpected failures raise."""
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            transport = MailTransport(self.services.settings)
            try:
                self._run_loop(
                    lambda: self.process_next_mail(runner, transport), lambda: close_idle_connection(runner, transport)
                )
            finally:
                runner.run(transport.disconnect())

    def _run_loop(self, process: Callable[[], bool], rest: Callable[[], None] = lambda: None) -> None:
        """Process what is due; poll more often for a while after a wake-up."""
        quick_polls = 0
        while not self._thread.stop_requested.is_set():
            if self._wake.is_set():
                self._wake.clear()
                quick_polls = QUICK_POLLS
            cpu_before = time.thread_time()
            more = process()
            self._thread.record_success()
            self._thread.stop_requested.wait(REST_FACTOR * (time.thread_time() - cpu_before))
            if not more:
                rest()
                self._wait(quick_polls)
                quick_polls = max(0, quick_polls - 1)

    def take_lease(self) -> Lease | None:
        """Take a lease on the next due notification; None when there is none. Raises DatabaseAway."""
        try:
            return self.leases.take_lease(
                self.CHANNELS, read_clock(), read_clock() + self.timing.lease, self.list_recently_released()
            )
        except ReadModelBehind:  # the outbox is being built
            return None

    def _wait(self, quick_polls: int) -> None:
        """Wait for the server to come back, for the read model to catch up, or for a wake-up."""
        if self.pause:
            self._thread.stop_requested.wait(self.pause)
        elif quick_polls:
            self._thread.stop_requested.wait(QUICK_POLL_SECONDS)
        else:
            self._wake.wait(self.timing.idle)

    def process_next_mail(self, runner: asyncio.Runner, transport: MailTransport) -> bool:
        """Process one due mail; True if another may be due at once. Raises DatabaseAway, Refusal."""
        lease = self.take_lease()
        if lease is None:
            return False
        token = self.services.notifications.load_token_if_pending(lease.token_id, lease.notification)
        if token is None:  # the log is newer than the read model, which will catch up
            self.release_lease(lease)
            return True
        message_id = build_message_id(token, lease.notification, transport.sender.domain)
        if lease.in_doubt:
            self.record_failure(lease, message_id, DeliveryFailed("unknown_outcome"))
            return True
        return self.deliver_mail(lease, token, message_id, runner, transport)

    def deliver_mail(
        self, lease: Lease, token: Token, message_id: str, runner: asyncio.Runner, transport: MailTransport
    ) -> bool:
        """Send one mail and record the outcome; False when the server seems to be down."""
        try:
            if not runner.run(self.send_mail(transport, self.prepare_mail(lease, token, message_id, transport), lease)):
                return True  # the lease has expired, so another worker has the mail by now
        except DeliveryFailed as error:
            self.record_failure(lease, message_id, error)
            self.pause = self.compute_next_pause() if error.server_fault else 0.0
            return not error.server_fault
        except asyncio.CancelledError:  # the service stops; a mail that was being sent is in doubt
            return False
        self.pause = 0.0
        commands, payload = self.services.notifications, {"message_id": message_id, "by": transport.delivery_method}
        self.record_outcome(
            lease,
            lambda: commands.record_delivery(build_system_context(), lease.token_id, lease.notification, **payload),
        )
        return True

    def prepare_mail(self, lease: Lease, token: Token, message_id: str, transport: MailTransport) -> OutgoingMail:
        """Prepare the mail of a notification. Raises DeliveryFailed."""
        notification = lease.notification
        try:
            details = load_meeting_details(self.services, token, notification.cause_version)
            people = (
                self.services.scheduling.load_aggregates([notification.person_id]) if notification.person_id else {}
            )
            addressee = people.get(notification.person_id) if notification.person_id else None
            if isinstance(addressee, Person) and not addressee.active:
                raise DeliveryFailed("reader_left", permanent=True)
            person = addressee.properties if isinstance(addressee, Person) else None
            return transport.prepare_mail(
                build_meeting_mail(
                    details, notification, token.outbox.is_first(notification), person, transport.sender.email
                ),
                message_id,
            )
        except (AddresseeUnknown, InvalidEmailAddress) as error:
            raise DeliveryFailed("address_refused", permanent=True) from error
        except (DatabaseAway, Refusal, DeliveryFailed):
            raise
        except Exception as error:  # a bug of ours must not stop the other mails
            log.exception("The mail about booking %s could not be written", lease.token_id)
            raise DeliveryFailed("not_written") from error

    async def send_mail(self, transport: MailTransport, mail: OutgoingMail, lease: Lease) -> bool:
        """Send a mail within the time limit, if the lease still holds; False when it has expired.

        Raises DeliveryFailed, DatabaseAway, CancelledError when the service stops.
        """
        data_started = False

        def begin_handover() -> bool:
            nonlocal data_started
            data_started = self.leases.mark_handing_over(lease, read_clock())
            return data_started

        self._send_task = asyncio.current_task()
        try:
            await asyncio.wait_for(transport.send(mail, begin_handover), SEND_TIMEOUT_SECONDS)
            return data_started
        except TimeoutError:
            raise DeliveryFailed("unknown_outcome" if data_started else "server_too_slow", server_fault=True) from None
        except asyncio.CancelledError:
            if not data_started:
                self.leases.release_lease(lease)
            raise
        finally:
            self._send_task = None

    def record_failure(self, lease: Lease, message_id: str, error: DeliveryFailed) -> None:
        """Record a failed delivery in the log of events and in the operator's log."""
        log.warning("A mail to the %s of booking %s: %s", lease.notification.to, lease.token_id, error.reason)
        commands, payload = self.services.notifications, {"message_id": message_id}
        self.record_outcome(
            lease,
            lambda: commands.record_failure(
                build_system_context(), lease.token_id, lease.notification, error.reason, error.permanent, **payload
            ),
        )

    def record_outcome(self, lease: Lease, command: Callable[[], int | None]) -> None:
        """Append an outcome and release the lease; retry while the database is away, for as long as the lease lasts."""
        deadline = time.monotonic() + self.timing.lease.total_seconds()
        while True:
            try:
                position = command()
                break
            except (DatabaseAway, TryAgain):
                if time.monotonic() > deadline or self._thread.stop_requested.is_set():
                    raise
                self._thread.stop_requested.wait(QUICK_POLL_SECONDS)
        if position is not None:
            self.services.announce_append()
        self.release_lease(lease)

    def release_lease(self, lease: Lease) -> None:
        """Release a lease; the read model may still show the notification as owed for a moment."""
        self.leases.release_lease(lease)
        self._released_at[lease.id] = time.monotonic()

    def list_recently_released(self) -> list[UUID]:
        """List the notifications whose outcome the read model may not have yet."""
        recently = time.monotonic() - QUICK_POLLS * QUICK_POLL_SECONDS
        self._released_at = {id: released_at for id, released_at in self._released_at.items() if released_at > recently}
        return list(self._released_at)

    def compute_next_pause(self) -> float:
        """Compute the pause after one more server failure."""
        return min(2 * self.pause or self.timing.first_pause, self.timing.max_pause)


def close_idle_connection(runner: asyncio.Runner, transport: MailTransport) -> None:
    """Close the connection to the server while nothing is due."""
    if transport.connection is not None and transport.connection.client is not None:
        runner.run(transport.disconnect())


def build_system_context() -> Context:
    """Build the context of a worker's commands."""
    return Context(read_clock(), Actor(kind="system"), uuid4().hex, "api")


def build_message_id(token: Token, notification: Notification, domain: str) -> str:
    """Build a mail's Message-ID: the same for each attempt, another after a request to send it again."""
    return f"{notification.derive_id(token.id)}.{token.outbox.get_delivery_state(notification).requests}@{domain}"
