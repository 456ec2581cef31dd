"""Answers computed from the database, shared for as long as it provably has not changed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from store.database import Database

# A transaction that writes is in a snapshot as running, as finished or as one to come, and never goes back (PostgreSQL,
# "Transaction ID and Snapshot Information Functions"). So where a snapshot is seen again, nothing was committed since.
# Only a server that started anew, from a backup or as a standby, could count the same transactions again.
SELECT_SNAPSHOT = "SELECT pg_postmaster_start_time() AS started_at, pg_current_snapshot()::text AS snapshot"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and the instant from which it does not hold whatever the database says; None when there is none."""

    content: bytes
    valid_until: datetime | None = None


class SharedAnswers:
    """Answers by question. Threads may use it at the same time."""

    def __init__(self, database: Database, max_bytes: int = 8_000_000) -> None:
        self.database = database
        self.max_bytes = max_bytes
        self.size = 0
        self.computed_count = 0
        self.answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self.lock = Lock()

    def get_or_compute(self, question: Hashable, now: datetime, compute: Callable[[], Answer]) -> bytes:
        """Returns the answer to a question; computes it unless it was, in the same second and on the same database.

        What changes with time must change at whole seconds, or say so by `valid_until`. Raises what `compute` raises,
        and DatabaseAway. A failure is not shared.
        """
        [row] = self.database.fetch_rows(SELECT_SNAPSHOT)
        second = now.replace(microsecond=0)
        key = (question, row["started_at"], row["snapshot"], second, now == second)
        with self.lock:
            answer = self.answers.get(key)
        if answer is None or (answer.valid_until is not None and now >= answer.valid_until):
            answer = compute()
            self.put(key, answer)
        return answer.content

    def put(self, key: Hashable, answer: Answer) -> None:
        """Keeps an answer; drops the oldest ones that are too much."""
        with self.lock:
            self.computed_count += 1
            self.discard(key)
            self.answers[key] = answer
            self.size += len(answer.content)
            while self.size > self.max_bytes:
                self.discard(next(iter(self.answers)))

    def discard(self, key: Hashable) -> None:
        """Drops an answer if it is there; the caller has the lock."""
        answer = self.answers.pop(key, None)
        self.size -= len(answer.content) if answer else 0
