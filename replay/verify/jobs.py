"""Checks of the whole log that somebody asked for: one at a time, in a table, worked on by any process."""

import json
import logging
from threading import Event
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow

from domain.refusals import VerificationRunning
from projections.following.background_worker import Supervised, Worker
from replay.verify.verification import verify
from store.database import Database

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
MOST_ATTEMPTS = 3
REQUEST = """
INSERT INTO {schema}.verifications (state, requested_by) VALUES ('queued', %s) ON CONFLICT DO NOTHING RETURNING id
"""
LATEST = "SELECT * FROM {schema}.verifications ORDER BY id DESC LIMIT 1"
OPEN = "SELECT id FROM {schema}.verifications WHERE state IN ('queued', 'running')"
LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s || '.verification', 0)) AS mine"
BEGIN = """
UPDATE {schema}.verifications
SET state = 'running', attempts = attempts + 1, started_at = clock_timestamp(), report = NULL
WHERE state IN ('queued', 'running') RETURNING id, attempts
"""
PROGRESS = "UPDATE {schema}.verifications SET report = %s WHERE id = %s"
END = """
UPDATE {schema}.verifications
SET state = %s, report = coalesce(%s, report), error = %s, finished_at = clock_timestamp() WHERE id = %s
"""
PUT_BACK = "UPDATE {schema}.verifications SET state = 'queued', attempts = attempts - 1, report = NULL WHERE id = %s"


class Stopped(Exception):
    """This process ends: another one, or its next start, begins the check again."""


def request(db: Database, person_id: UUID) -> None:
    """Asks for a check. Raises VerificationRunning while one is queued or runs, DatabaseAway."""
    if not db.rows(REQUEST, (person_id,)):
        raise VerificationRunning


def latest(db: Database) -> dict[str, Any] | None:
    """The check that was asked for last, with its report so far. Raises DatabaseAway."""
    return next(iter(db.rows(LATEST)), None)


class Verifications(Worker):
    """Works on what was asked for, in a thread.

    Whoever works holds a lock of its session, so when its process dies another one finds the check free, and begins it
    again; after three deaths it has failed.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self._wake = Event()
        self._thread = Supervised("verifications", self._work)

    def wake(self) -> None:
        """Says that a check was asked for; returns at once."""
        self._wake.set()

    def stop(self) -> None:
        """Breaks off a check at hand, which is put back, and ends."""
        self._thread.stopping.set()
        self.wake()
        self._thread.stop()

    def _work(self) -> None:
        while not self._thread.stopping.is_set():
            if self.db.rows(OPEN):
                with self.db.connect() as connection:
                    if self._mine(connection):
                        self._next(connection)
            self._thread.succeeded()
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _mine(self, connection: Connection[DictRow]) -> bool:
        row = connection.execute(LOCK, (self.db.schema,)).fetchone()
        return bool(row and row["mine"])

    def _next(self, connection: Connection[DictRow]) -> None:
        """Works on the open check, whoever began it: its session is gone, as the lock is ours."""
        for row in connection.execute(self.db.text(BEGIN)).fetchall():
            if row["attempts"] > MOST_ATTEMPTS:
                said = f"The process that worked on it ended {MOST_ATTEMPTS} times."
                connection.execute(self.db.text(END), ("failed", None, said, row["id"]))
            else:
                self._run(connection, row["id"])

    def _run(self, connection: Connection[DictRow], id: int) -> None:
        """One check. What goes wrong in it is its result; a process that ends puts it back."""

        def progress(events: int) -> None:
            if self._thread.stopping.is_set():
                raise Stopped
            connection.execute(self.db.text(PROGRESS), (json.dumps({"checked_events": events}), id))

        try:
            report = verify(self.db, progress=progress)
            connection.execute(self.db.text(END), ("done", json.dumps(report.as_dict()), None, id))
        except Exception as error:
            if self._thread.stopping.is_set():
                connection.execute(self.db.text(PUT_BACK), (id,))
                return
            logger.exception("a verification failed")
            connection.execute(self.db.text(END), ("failed", None, f"{type(error).__name__}: {error}", id))
