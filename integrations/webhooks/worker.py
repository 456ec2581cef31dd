"""The webhook worker: leases endpoints that events wait for, and delivers to each in a thread of its own.

One endpoint is delivered to by one process at a time, whoever has its lease, and a hanging receiver holds nothing but
its own thread. A worker that dies leaves a lease that expires; the event it was sending is sent again with the same id.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock
from uuid import UUID, uuid4

from integrations.webhooks.delivery_run import DeliveryRun, WebhookContext
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from store.webhooks import Webhook

MAX_ENDPOINTS = 20  # of an installation, so that each has a thread
LEASE = timedelta(seconds=90)  # longer than a run and its last attempt
IDLE_SECONDS = 1.0  # polling is the guarantee, a wake-up only makes it sooner
PAUSE_SECONDS = 0.05  # between two looks, however often it is woken
NOTICE_PERIOD = timedelta(minutes=10)  # after which a mail that was not sent is tried again
KEEPING_PERIOD = timedelta(days=30)  # attempts are listed that long
CLEANING_PERIOD = timedelta(hours=1)
GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class WebhookTiming:
    """Seconds between polls, and how much a run rests, as a multiple of the processor time that it took."""

    idle: float = IDLE_SECONDS
    rest_factor: float = 1.0


class WebhookWorker(BackgroundWorker):
    """Delivers webhooks. `notify_owner` tells an owner that their endpoint ended, and returns whether it did."""

    def __init__(
        self,
        context: WebhookContext,
        find_settled_position: Callable[[], int],
        notify_owner: Callable[[Webhook], bool],
        timing: WebhookTiming | None = None,
    ) -> None:
        self.context = context
        self.find_settled_position = find_settled_position
        self.notify_owner = notify_owner
        self.timing = timing or WebhookTiming()
        self.busy: set[UUID] = set()
        self.cleaned_at: datetime | None = None
        self._lock = Lock()
        self._wake = Event()
        self._executor: ThreadPoolExecutor | None = None
        self._thread = SupervisedThread("webhook worker", self._run_loop)

    def wake(self) -> None:
        """Wake the worker: the log may have grown. Returns at once."""
        self._wake.set()

    def request_stop(self) -> None:
        """Ask the worker to stop; returns at once."""
        self._thread.stop_requested.set()
        self._wake.set()

    def stop(self) -> None:
        """Stop. A delivery that still waits for its receiver is left behind: its lease expires."""
        self.request_stop()
        self._thread.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def start_due_deliveries(self) -> int:
        """Start to deliver to every endpoint that is due. Returns how many. Raises DatabaseAway, TryAgain."""
        free = MAX_ENDPOINTS - len(self.busy)
        if not free:
            return 0
        now, lease = self.context.clock(), uuid4()
        settled = self.find_settled_position()
        webhooks = self.context.store.lease_due_webhooks(lease, now, now + LEASE, settled, free)
        for webhook in webhooks:
            run = DeliveryRun(self.context, lease, settled, self._thread.stop_requested, self.timing.rest_factor)
            self._submit(webhook.id, lambda run=run, webhook=webhook: run.deliver_events(webhook))  # type: ignore[misc]
        return len(webhooks)

    def tell_owners(self) -> None:
        """Start to tell the owners of endpoints that ended. Raises DatabaseAway."""
        now = self.context.clock()
        while webhook := self.context.store.lease_notice(now, now + NOTICE_PERIOD):
            self._submit(uuid4(), lambda webhook=webhook: self._tell_owner(webhook))  # type: ignore[misc]

    def _tell_owner(self, webhook: Webhook) -> None:
        if self.notify_owner(webhook):
            self.context.store.end_notice(webhook.id)

    def _submit(self, id: UUID, work: Callable[[], None]) -> None:
        """Submit work that keeps an id busy until it ends."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(MAX_ENDPOINTS, "webhook")
        with self._lock:
            self.busy.add(id)

        def run_work() -> None:
            try:
                work()
                self._wake.set()  # what came meanwhile
            finally:
                with self._lock:
                    self.busy.discard(id)

        self._executor.submit(run_work)

    def _run_loop(self) -> None:
        while not self._thread.stop_requested.is_set():
            self._wake.clear()
            self.start_due_deliveries()
            self.tell_owners()
            self._clean()
            self._thread.record_success()
            self._thread.stop_requested.wait(PAUSE_SECONDS)
            self._wake.wait(self.timing.idle)

    def _clean(self) -> None:
        """Delete old attempts once an hour."""
        now = self.context.clock()
        if self.cleaned_at is None or self.cleaned_at + CLEANING_PERIOD <= now:
            self.context.store.delete_deliveries_before(now - KEEPING_PERIOD)
            self.cleaned_at = now
