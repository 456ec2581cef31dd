"""Requested verifications of the whole log: one at a time, in a table, run by any process."""

import json
import logging
from threading import Event
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow

from domain.refusals import VerificationRunning
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from replay.verify.verification import run_verification
from store.database import Database

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
MAX_ATTEMPTS = 3
INSERT_VERIFICATION = """
INSERT INTO {schema}.verifications (state, requested_by) VALUES ('queued', %s) ON CONFLICT DO NOTHING RETURNING id
"""
LATEST_VERIFICATION = "SELECT * FROM {schema}.verifications ORDER BY id DESC LIMIT 1"
OPEN_VERIFICATION = "SELECT id FROM {schema}.verifications WHERE state IN ('queued', 'running')"
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s || '.verification', 0)) AS mine"
BEGIN_VERIFICATION = """
UPDATE {schema}.verifications
SET state = 'running', attempts = attempts + 1, started_at = clock_timestamp(), report = NULL
WHERE state IN ('queued', 'running') RETURNING id, attempts
"""
UPDATE_PROGRESS = "UPDATE {schema}.verifications SET report = %s WHERE id = %s"
END_VERIFICATION = """
UPDATE {schema}.verifications
SET state = %s, report = coalesce(%s, report), error = %s, finished_at = clock_timestamp() WHERE id = %s
"""
REQUEUE_VERIFICATION = (
    "UPDATE {schema}.verifications SET state = 'queued', attempts = attempts - 1, report = NULL WHERE id = %s"
)


class VerificationStopped(Exception):
    """This process ends. Another one, or its next start, begins the verification again."""


def request_verification(db: Database, person_id: UUID) -> None:
    """Requests a verification. Raises VerificationRunning while one is queued or runs, DatabaseAway."""
    if not db.fetch_rows(INSERT_VERIFICATION, (person_id,)):
        raise VerificationRunning


def find_latest_verification(db: Database) -> dict[str, Any] | None:
    """The verification that was requested last, with its report so far; None without any.

    Raises DatabaseAway.
    """
    return next(iter(db.fetch_rows(LATEST_VERIFICATION)), None)


class VerificationWorker(BackgroundWorker):
    """Runs requested verifications, in a thread.

    The running process holds a lock of its session. When it dies, another one finds the verification free and begins
    it again; after three attempts it has failed.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self._wake = Event()
        self._thread = SupervisedThread("verifications", self._run_loop)

    def wake(self) -> None:
        """Signals that a verification was requested. Returns at once."""
        self._wake.set()

    def stop(self) -> None:
        """Stops. A running verification is put back into the queue."""
        self._thread.stop_requested.set()
        self.wake()
        self._thread.stop()

    def _run_loop(self) -> None:
        while not self._thread.stop_requested.is_set():
            if self.db.fetch_rows(OPEN_VERIFICATION):
                with self.db.connect("verify") as connection:
                    if self._take_lock(connection):
                        self._process_open_verification(connection)
            self._thread.record_success()
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _take_lock(self, connection: Connection[DictRow]) -> bool:
        row = connection.execute(TRY_LOCK, (self.db.schema,)).fetchone()
        return bool(row and row["mine"])

    def _process_open_verification(self, connection: Connection[DictRow]) -> None:
        """Runs the open verification, whoever began it: that session is gone, as this one has the lock."""
        for row in connection.execute(self.db.compose_query(BEGIN_VERIFICATION)).fetchall():
            if row["attempts"] > MAX_ATTEMPTS:
                error = f"The process that worked on it ended {MAX_ATTEMPTS} times."
                connection.execute(self.db.compose_query(END_VERIFICATION), ("failed", None, error, row["id"]))
            else:
                self._run_verification(connection, row["id"])

    def _run_verification(self, connection: Connection[DictRow], id: int) -> None:
        """Runs one verification and records its report or error. When this process ends, it is put back."""

        def report_progress(events: int) -> None:
            if self._thread.stop_requested.is_set():
                raise VerificationStopped
            connection.execute(self.db.compose_query(UPDATE_PROGRESS), (json.dumps({"checked_events": events}), id))

        try:
            report = run_verification(self.db, on_progress=report_progress)
            connection.execute(
                self.db.compose_query(END_VERIFICATION), ("done", json.dumps(report.to_dict()), None, id)
            )
        except Exception as error:
            if self._thread.stop_requested.is_set():
                connection.execute(self.db.compose_query(REQUEUE_VERIFICATION), (id,))
                return
            logger.exception("a verification failed")
            connection.execute(
                self.db.compose_query(END_VERIFICATION), ("failed", None, f"{type(error).__name__}: {error}", id)
            )
