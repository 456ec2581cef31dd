"""The outbox worker: delivers what a channel owes, one notification at a time, and records the outcome in the log.

It takes a lease, asks the log whether the notification is still owed, delivers it while it holds neither a
transaction nor a connection, and appends the outcome. When a worker dies its lease expires: if the data was not yet
being sent, another worker starts again; if it was, the outcome of that attempt is unknown, which the log records
before a second and last attempt, of a mail with the same Message-ID.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID, uuid4

from domain.commands.notifications import NotificationCommands
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.refusals import ReadModelBehind, TryAgain
from integrations.clock import Clock
from integrations.delivery import (
    Delivery,
    DeliveryAttempt,
    DeliveryFailed,
    DeliveryInterrupted,
    LeaseLost,
    NothingToDeliver,
)
from integrations.system_context import build_system_context
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.following.leases import Lease, Leases
from projections.queries.query import QuerySource
from store.database import Database, DatabaseAway

log = logging.getLogger("oncelink")

IDLE_SECONDS = 1.0  # polling is the guarantee, a wake-up only makes it sooner
QUICK_POLL_SECONDS = 0.05  # the read model is milliseconds behind the log
QUICK_POLLS = 20
LEASE = timedelta(seconds=90)  # longer than any delivery
FIRST_PAUSE_SECONDS = 1.0  # while the server is away, one delivery is enough to find out whether it is back
MAX_PAUSE_SECONDS = 30.0
REST_FACTOR = 3.0  # pauses this many times the CPU time that a delivery took, so that page requests go first
GRACE_SECONDS = 2.0  # for the current delivery, when the service stops


@dataclass(frozen=True, slots=True)
class OutboxTiming:
    """Poll, lease and back-off times, in seconds; tests use shorter ones."""

    idle: float = IDLE_SECONDS
    lease: timedelta = LEASE
    first_pause: float = FIRST_PAUSE_SECONDS
    max_pause: float = MAX_PAUSE_SECONDS


@dataclass(frozen=True, slots=True)
class OutboxContext:
    """What the outbox workers of a process share, whatever their channel."""

    database: Database
    live_source: QuerySource
    commands: NotificationCommands
    clock: Clock
    announce_append: Callable[[], None]


class OutboxWorker(BackgroundWorker):
    """Delivers what one channel owes, in a thread of its own."""

    def __init__(self, context: OutboxContext, delivery: Delivery, timing: OutboxTiming | None = None) -> None:
        self.context = context
        self.delivery = delivery
        self.timing = timing or OutboxTiming()
        self.leases = Leases(context.database, context.live_source, uuid4())
        self.pause = 0.0  # seconds until the next attempt, while the server seems to be down
        self._stop_deadline = 0.0
        self._released_at: dict[UUID, float] = {}
        self._wake = Event()
        self._thread = SupervisedThread(f"{delivery.channel} outbox worker", self._work)

    def run(self) -> None:
        """Work in this thread until another one calls `stop`."""
        self._thread.run()

    def wake(self) -> None:
        """Wake the worker: the log may have grown. Returns at once."""
        self._wake.set()

    def request_stop(self) -> None:
        """Ask the worker to stop after the current delivery; returns at once."""
        self._stop_deadline = self._stop_deadline or time.monotonic() + GRACE_SECONDS
        self._thread.stop_requested.set()
        self._wake.set()

    def stop(self) -> None:
        """Stop; the current delivery gets a grace period, and is then interrupted if its channel can do that."""
        self.request_stop()
        while self.is_alive and time.monotonic() < self._stop_deadline:
            time.sleep(0.01)
        if self.delivery.interrupt():
            self._thread.stop()

    def deliver_next(self) -> bool:
        """Deliver one due notification and record the outcome; True if another may be due at once.

        Raises DatabaseAway, Refusal.
        """
        now = self.context.clock()
        lease = self._take_lease(now)
        if lease is None:
            return False
        token = self.context.commands.load_if_due(lease.token_id, lease.notification, now)
        if token is None:  # the log is newer than the read model, which will catch up
            self._release_lease(lease)
            return True
        record = self.delivery.describe_attempt(token, lease.notification)
        if lease.in_doubt:
            self._record_failure(lease, record, DeliveryFailed("unknown_outcome"))
            return True
        return self._deliver(lease, token, record)

    def forget_releases(self) -> None:
        """Consider again what was just released: the read model has caught up with the outcomes."""
        self._released_at.clear()

    def _work(self) -> None:
        """Deliver until stopped. Raises what unexpected failures raise."""
        try:
            self._run_loop()
        finally:
            self.delivery.close()

    def _run_loop(self) -> None:
        """Deliver what is due; poll more often for a while after a wake-up."""
        quick_polls = 0
        while not self._thread.stop_requested.is_set():
            if self._wake.is_set():
                self._wake.clear()
                quick_polls = QUICK_POLLS
            cpu_before = time.thread_time()
            more = self.deliver_next()
            self._thread.record_success()
            self._thread.stop_requested.wait(REST_FACTOR * (time.thread_time() - cpu_before))
            if not more:
                self.delivery.release_idle_resources()
                self._wait(quick_polls)
                quick_polls = max(0, quick_polls - 1)

    def _wait(self, quick_polls: int) -> None:
        """Wait for the server to come back, for the read model to catch up, or for a wake-up."""
        if self.pause:
            self._thread.stop_requested.wait(self.pause)
        elif quick_polls:
            self._thread.stop_requested.wait(QUICK_POLL_SECONDS)
        else:
            self._wake.wait(self.compute_wait())

    def compute_wait(self) -> float:
        """Compute how long to wait for a wake-up, in seconds: no longer than until something is due by itself."""
        now = self.context.clock()
        try:
            due_at = self.leases.find_next_due((self.delivery.channel,), now)
        except ReadModelBehind:
            due_at = None
        return self.timing.idle if due_at is None else min(self.timing.idle, (due_at - now).total_seconds())

    def _deliver(self, lease: Lease, token: NotifiedAggregate, record: Mapping[str, Any]) -> bool:
        """Deliver one notification and record the outcome; False when the server seems to be down."""
        attempt = DeliveryAttempt(token, lease.notification, record, lambda: self._mark_handing_over(lease))
        try:
            fields = self.delivery.deliver(attempt)
        except LeaseLost:
            return True
        except NothingToDeliver:
            self._release_lease(lease)
            return True
        except DeliveryInterrupted:  # what was being handed over is in doubt
            if not attempt.handing_over:
                self._release_lease(lease)
            return False
        except DeliveryFailed as error:
            self._record_failure(lease, record, error)
            self.pause = self._compute_next_pause() if error.server_fault else 0.0
            return not error.server_fault
        self.pause = 0.0
        self._record_outcome(
            lease,
            lambda: self.context.commands.record_delivery(
                build_system_context(self.context.clock()), lease.token_id, lease.notification, **record, **fields
            ),
        )
        return True

    def _record_failure(self, lease: Lease, record: Mapping[str, Any], error: DeliveryFailed) -> None:
        """Record a failed delivery in the log of events and in the operator's log."""
        log.log(
            logging.INFO if error.reason == "no_longer_wanted" else logging.WARNING,
            self.delivery.failure_message,
            lease.notification.to,
            lease.token_id,
            error.reason,
        )
        self._record_outcome(
            lease,
            lambda: self.context.commands.record_failure(
                build_system_context(self.context.clock()),
                lease.token_id,
                lease.notification,
                error.reason,
                error.permanent,
                **record,
            ),
        )

    def _record_outcome(self, lease: Lease, command: Callable[[], int | None]) -> None:
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
            self.context.announce_append()
        self._release_lease(lease)

    def _take_lease(self, now: datetime) -> Lease | None:
        """Take a lease on the next due notification; None when there is none. Raises DatabaseAway."""
        try:
            return self.leases.take_lease(
                (self.delivery.channel,), now, now + self.timing.lease, self._list_recently_released()
            )
        except ReadModelBehind:  # the outbox is being built
            return None

    def _mark_handing_over(self, lease: Lease) -> bool:
        """Mark that the recipient may have it from now on; False when the lease has expired."""
        return self.leases.mark_handing_over(lease, self.context.clock())

    def _release_lease(self, lease: Lease) -> None:
        """Release a lease; the read model may still show the notification as owed for a moment."""
        self.leases.release_lease(lease)
        self._released_at[lease.id] = time.monotonic()

    def _list_recently_released(self) -> list[UUID]:
        """List the notifications whose outcome the read model may not have yet."""
        recently = time.monotonic() - QUICK_POLLS * QUICK_POLL_SECONDS
        self._released_at = {id: released_at for id, released_at in self._released_at.items() if released_at > recently}
        return list(self._released_at)

    def _compute_next_pause(self) -> float:
        """Compute the pause after one more server failure."""
        return min(2 * self.pause or self.timing.first_pause, self.timing.max_pause)
