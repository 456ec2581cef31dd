"""Erases guests' details that are kept no longer, in the process whose follower is the leader."""

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.commands.erasure import MAX_STREAMS_PER_APPEND, ErasureCommands
from domain.commands.organisation import OrganisationCommands
from domain.durations import subtract_months
from domain.refusals import ReadModelBehind
from integrations.clock import Clock
from integrations.system_context import build_system_context
from projections import retention
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.queries.query import QuerySource

IDLE_SECONDS = 30.0
PERIOD = timedelta(hours=1)  # after which it looks again, unless the organisation keeps details for another time now


class RetentionWorker(BackgroundWorker):
    """Looks for meetings that ended too long ago. The read model says where to look, the log decides."""

    def __init__(
        self,
        erasure: ErasureCommands,
        organisation: OrganisationCommands,
        get_live_source: Callable[[], QuerySource],
        announce_append: Callable[[], None],
        clock: Clock,
        is_leader: Callable[[], bool],
    ) -> None:
        self.erasure = erasure
        self.organisation = organisation
        self.get_live_source = get_live_source
        self.announce_append = announce_append
        self.clock = clock
        self.is_leader = is_leader
        self.last_run: tuple[int, datetime] | None = None  # the months, and when
        self._thread = SupervisedThread("retention", self._run_loop)

    def stop(self) -> None:
        """Stops after the current batch, and waits for it."""
        self._thread.stop()

    def _run_loop(self) -> None:
        while not self._thread.stop_requested.is_set():
            if self.is_leader() and self.is_due():
                self.erase_overdue_details()
            self._thread.record_success()
            self._thread.stop_requested.wait(IDLE_SECONDS)

    def is_due(self) -> bool:
        """Whether details are to be looked for: after an hour, or when they are kept for another time."""
        months = self.organisation.load_organisation().properties.retention_months
        if months is None:
            self.last_run = None
        return months is not None and (
            self.last_run is None or self.last_run[0] != months or self.last_run[1] + PERIOD <= self.clock()
        )

    def erase_overdue_details(self) -> int:
        """Erases what is kept no longer, batch by batch. Returns the number of meetings. Raises TryAgain, DatabaseAway.

        A meeting that the read model still has after its details are erased is left alone, so this ends; what was not
        erased for another reason is found the next time.
        """
        now, erased_count = self.clock(), 0
        months = self.organisation.load_organisation().properties.retention_months
        if months is None:
            return 0
        until = subtract_months(now, months)
        while not self._thread.stop_requested.is_set():
            try:
                ids = retention.find_overdue_meetings(self.get_live_source(), until, MAX_STREAMS_PER_APPEND)
            except ReadModelBehind:
                return erased_count
            batch_count = self.erasure.erase_overdue_details(build_system_context(self.clock()), ids, until)
            erased_count += batch_count
            if batch_count:
                self.announce_append()
            if batch_count == 0 or len(ids) < MAX_STREAMS_PER_APPEND:
                self.last_run = (months, now)
                break
        return erased_count
