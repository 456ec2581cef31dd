"""The rebuilds that a process runs in background threads."""

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread

from psycopg import Error, OperationalError

from domain.refusals import Refusal
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild import live_tables
from projections.rebuild.job import RebuildRun
from projections.rebuild.progress import IS_HELD, RebuildLock, describe_error
from replay.rebuild import begin_rebuild
from store.database import Database, DatabaseAway

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS = 0.5
MAX_PAUSE_SECONDS = 60.0  # after failures: each attempt folds the whole log
FOLLOWER_LOCK_HELD = f"SELECT {IS_HELD.format(name='follower')} AS held"


class Rebuilder:
    """Runs the rebuilds of this process in background threads: requested ones, and the one that a new version needs."""

    def __init__(self, db: Database, catalogue: Sequence[ReadModel] = READ_MODELS) -> None:
        self.db = db
        self.catalogue = catalogue
        self.stop_requested = Event()
        self.current_rebuild: RebuildRun | None = None
        self._threads: list[Thread] = []

    def start(self) -> "Rebuilder":
        """Builds in the background what is not live in this program's version. Returns at once."""
        self._start_thread(self._build_until_current)
        return self

    def begin_rebuild(self, name: str) -> RebuildRun:
        """Begins the rebuild of a read model, and records that.

        Raises NotFound, RebuildRunning, NewerVersionLive, DatabaseAway.
        """
        try:
            return begin_rebuild(self.db, [name], self.catalogue)
        except OperationalError as error:
            raise DatabaseAway(str(error)) from error

    def run_in_background(self, rebuild: RebuildRun) -> None:
        """Runs a rebuild in the background. Returns at once."""
        self._start_thread(lambda: self._run_rebuild(rebuild))

    def stop(self) -> None:
        """Cancels the current rebuild, and waits for the threads. The next rebuild drops the leftover tables."""
        self.stop_requested.set()
        while any(thread.is_alive() for thread in self._threads):
            if self.current_rebuild is not None:
                try:
                    self.current_rebuild.stop()
                except Error:
                    logger.debug("the rebuild had ended by itself")
            for thread in self._threads:
                thread.join(0.1)

    def _start_thread(self, work: Callable[[], object]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=work, name="rebuild", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run_rebuild(self, rebuild: RebuildRun) -> bool:
        """Runs a rebuild and logs its result. Returns whether it succeeded."""
        self.current_rebuild = rebuild
        try:
            for result in rebuild.run():
                logger.info("rebuilt %s: %d events in %.1f s", result.model.name, result.events, result.seconds)
        except (Refusal, Error) as error:
            if not self.stop_requested.is_set():
                logger.error("the rebuild failed: %s", describe_error(error))
            return False
        finally:
            self.current_rebuild = None
        return True

    def _build_until_current(self) -> None:
        """Builds what is not live in this program's version, and retries until everything is."""
        pause_seconds = CHECK_INTERVAL_SECONDS
        while not self.stop_requested.is_set():
            try:
                missing_models = live_tables.find_missing_models(self.db, self.catalogue)
                if not missing_models:
                    return
                if not self._is_newer_and_followed(missing_models):
                    was_built = self._build_missing_models(RebuildLock.acquire(self.db))
                    pause_seconds = CHECK_INTERVAL_SECONDS if was_built else min(2 * pause_seconds, MAX_PAUSE_SECONDS)
            except (Refusal, Error, DatabaseAway) as error:
                logger.info("the read models are not yet of this version: %s", describe_error(error))
            self.stop_requested.wait(pause_seconds)

    def _build_missing_models(self, lock: RebuildLock) -> bool:
        """Builds what is still missing, now that the lock is held. Returns whether it succeeded."""
        rebuild = live_tables.begin_missing_rebuild(lock, self.catalogue)
        return rebuild is None or self._run_rebuild(rebuild)

    def _is_newer_and_followed(self, models: Sequence[ReadModel]) -> bool:
        """Whether a newer program has built one of these and still follows the log."""
        live_versions = live_tables.read_live_versions(self.db)
        is_newer = any(live_versions.get(model.name, 0) > model.version for model in models)
        return is_newer and bool(self.db.fetch_rows(FOLLOWER_LOCK_HELD, {"schema": self.db.schema})[0]["held"])
