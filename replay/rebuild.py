"""Rebuilds read models from the log, while the old ones serve; a second rebuild at the same time is refused."""

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread

from psycopg import Error, OperationalError

from domain.refusals import Invalid, NewerVersionLive, NotFound, Refusal
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild import live_tables
from projections.rebuild.job import Building
from projections.rebuild.load import Built
from projections.rebuild.progress import IS_HELD, Claim, Progress, sentence
from store.database import Database, DatabaseAway

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0  # after failures: each try folds the whole log
IS_FOLLOWED = f"SELECT {IS_HELD.format(name='follower')} AS held"


class Rebuild:
    """One rebuild, which has begun: what it rebuilds says so already."""

    def __init__(self, claim: Claim, catalogue: Sequence[ReadModel], models: Sequence[ReadModel]) -> None:
        self.claim = claim
        self.building = Building(claim, catalogue, models)

    @classmethod
    def begun(
        cls,
        db: Database,
        names: Sequence[str] = (),
        catalogue: Sequence[ReadModel] = READ_MODELS,
        told: Callable[[Progress], None] = lambda progress: None,
    ) -> "Rebuild":
        """A rebuild of these read models, or of all; whatever has an older version live, or none, is built along.

        Raises NotFound for an unknown name, RebuildRunning, NewerVersionLive, psycopg.OperationalError.
        """
        chosen = set(known(names, catalogue))
        live = live_tables.versions(db)
        if any(live.get(model.name, 0) > model.version for model in chosen):
            raise NewerVersionLive
        models = [model for model in catalogue if model in chosen or live.get(model.name, 0) < model.version]
        return cls.of(Claim.taken(db), catalogue, models, told)

    @classmethod
    def of(
        cls,
        claim: Claim,
        catalogue: Sequence[ReadModel],
        models: Sequence[ReadModel],
        told: Callable[[Progress], None] = lambda progress: None,
    ) -> "Rebuild":
        """A rebuild of these under a claim that was taken."""
        try:
            claim.told = told
            claim.announce(models)
        except BaseException:
            claim.connection.close()
            raise
        return cls(claim, catalogue, models)

    def run(self) -> list[Built]:
        """Rebuilds. Raises CannotFold, NoMomentToSwitch, psycopg.Error: then nothing has changed."""
        try:
            return self.building.run()
        finally:
            self.claim.connection.close()

    def stop(self) -> None:
        """Breaks it off, from another thread; nothing has changed."""
        self.claim.connection.cancel_safe(timeout=2)


def known(names: Sequence[str], catalogue: Sequence[ReadModel] = READ_MODELS) -> list[ReadModel]:
    """The read models of these names, all of them for none. Raises NotFound."""
    by_name = {model.name: model for model in catalogue}
    if not by_name.keys() >= set(names):
        raise NotFound
    return [by_name[name] for name in names] or list(catalogue)


def refuse_unknown(names: Sequence[str]) -> None:
    """Says which name is unknown, and which there are. Raises Invalid."""
    there = [model.name for model in READ_MODELS]
    for name in names:
        if name not in there:
            raise Invalid(name, f"There is no such read model; there are {', '.join(there)}.")


class Rebuilder:
    """The rebuilds of this process, in the background: those asked for, and the one that a new version needs."""

    def __init__(self, db: Database, catalogue: Sequence[ReadModel] = READ_MODELS) -> None:
        self.db = db
        self.catalogue = catalogue
        self.stopping = Event()
        self.running: Rebuild | None = None
        self._threads: list[Thread] = []

    def start(self) -> "Rebuilder":
        """Builds what is not live in this program's version, while the old one goes on serving; returns at once."""
        self._in_background(self._bring_up)
        return self

    def begin(self, name: str) -> Rebuild:
        """Begins to rebuild a read model, which then says so.

        Raises NotFound, RebuildRunning, NewerVersionLive, DatabaseAway.
        """
        try:
            return Rebuild.begun(self.db, [name], self.catalogue)
        except OperationalError as error:
            raise DatabaseAway(str(error)) from error

    def go_on(self, rebuild: Rebuild) -> None:
        """Lets it run; returns at once."""
        self._in_background(lambda: self._run(rebuild))

    def stop(self) -> None:
        """Breaks off what is running; the next rebuild clears what it left."""
        self.stopping.set()
        while any(thread.is_alive() for thread in self._threads):
            if self.running is not None:
                try:
                    self.running.stop()
                except Error:
                    logger.debug("the rebuild had ended by itself")
            for thread in self._threads:
                thread.join(0.1)

    def _in_background(self, work: Callable[[], object]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=work, name="rebuild", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, rebuild: Rebuild) -> bool:
        """Runs one to its end, which is logged; whether it was a good one."""
        self.running = rebuild
        try:
            for built in rebuild.run():
                logger.info("rebuilt %s: %d events in %.1f s", built.model.name, built.events, built.seconds)
        except (Refusal, Error) as error:
            if not self.stopping.is_set():
                logger.error("the rebuild failed: %s", sentence(error))
            return False
        finally:
            self.running = None
        return True

    def _bring_up(self) -> None:
        """Looks until everything is live in this program's version, and builds what is not when it may."""
        pause = LOOK_SECONDS
        while not self.stopping.is_set():
            try:
                missing = live_tables.missing(self.db, self.catalogue)
                if not missing:
                    return
                if not self._is_newer_and_followed(missing):
                    good = self._build_missing(Claim.taken(self.db))
                    pause = LOOK_SECONDS if good else min(2 * pause, LONGEST_PAUSE_SECONDS)
            except (Refusal, Error, DatabaseAway) as error:
                logger.info("the read models are not yet of this version: %s", sentence(error))
            self.stopping.wait(pause)

    def _build_missing(self, claim: Claim) -> bool:
        """Builds what is missing still, now that nobody else does; whether that went well."""
        missing = live_tables.missing(self.db, self.catalogue)
        if not missing:
            claim.connection.close()
            return True
        return self._run(Rebuild.of(claim, self.catalogue, missing))

    def _is_newer_and_followed(self, models: Sequence[ReadModel]) -> bool:
        """Whether a newer program has built one of these, and is at work: it is not undone then."""
        live = live_tables.versions(self.db)
        newer = any(live.get(model.name, 0) > model.version for model in models)
        return newer and bool(self.db.rows(IS_FOLLOWED, {"schema": self.db.schema})[0]["held"])
