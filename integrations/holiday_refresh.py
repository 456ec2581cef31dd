"""Records what the calendar of public holidays has learnt, in the process whose follower is the leader."""

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.commands.people import AdministrationCommands
from domain.refusals import ReadModelBehind
from integrations.clock import Clock
from integrations.system_context import build_system_context
from projections import people
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.queries.query import QuerySource

IDLE_SECONDS = 60.0
PERIOD = timedelta(days=1)


class HolidayRefreshWorker(BackgroundWorker):
    """Compares the holidays of each person with the calendar, once a day and at the start. See ADR 28."""

    def __init__(
        self,
        administration: AdministrationCommands,
        get_live_source: Callable[[], QuerySource],
        announce_append: Callable[[], None],
        clock: Clock,
        is_leader: Callable[[], bool],
    ) -> None:
        self.administration = administration
        self.get_live_source = get_live_source
        self.announce_append = announce_append
        self.clock = clock
        self.is_leader = is_leader
        self.last_run: datetime | None = None
        self._thread = SupervisedThread("holidays", self._run_loop)

    def stop(self) -> None:
        """Stops after the current person, and waits for it."""
        self._thread.stop()

    def _run_loop(self) -> None:
        while not self._thread.stop_requested.is_set():
            is_due = self.last_run is None or self.last_run + PERIOD <= self.clock()
            if is_due and self.is_leader():
                self.refresh_holidays()
            self._thread.record_success()
            self._thread.stop_requested.wait(IDLE_SECONDS)

    def refresh_holidays(self) -> int:
        """Records what is new for each person. Returns for how many. Raises TryAgain, DatabaseAway."""
        try:
            ids = people.find_holiday_keepers(self.get_live_source())
        except ReadModelBehind:
            return 0
        changed_count = 0
        for id in ids:
            if self._thread.stop_requested.is_set():
                return changed_count
            if self.administration.refresh_holidays(build_system_context(self.clock()), id) is not None:
                changed_count += 1
                self.announce_append()
        self.last_run = self.clock()
        return changed_count
