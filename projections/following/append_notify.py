"""Hints that the log has grown: NOTIFY after commits, coalesced, and LISTEN; a hint may be lost, polling may not."""

import os
from collections.abc import Callable
from multiprocessing.connection import wait
from threading import Event

from psycopg import sql

from projections.following.background_worker import Supervised
from store.database import Database

PAUSE_SECONDS = 0.01
LISTEN_SECONDS = 0.5


def channel(schema: str) -> str:
    """The channel of a schema; names of channels end after 63 bytes."""
    return f"appended.{schema}".encode()[:63].decode(errors="ignore")


class Hint:
    """Tells every listener that the log has grown, at most every 10 ms, on a connection of its own.

    It never runs inside an append: NOTIFY takes a lock of the whole server until its transaction is flushed.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self._wanted = Event()
        self._thread = Supervised("hint", self._send)

    def send(self) -> None:
        """Asks for a hint soon; returns at once."""
        self._wanted.set()

    def start(self) -> "Hint":
        """Begins sending, in a daemon thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops sending."""
        self._thread.stopping.set()
        self._wanted.set()
        self._thread.stop()

    def _send(self) -> None:
        with self.db.connect() as connection:
            while not self._thread.stopping.is_set():
                if not self._wanted.wait(LISTEN_SECONDS):
                    continue
                self._wanted.clear()
                connection.execute("SELECT pg_notify(%s, '')", (channel(self.db.schema),))
                self._thread.succeeded()
                self._thread.stopping.wait(PAUSE_SECONDS)


class Listener:
    """Calls `heard` at each hint, from a daemon thread with a connection of its own."""

    def __init__(self, db: Database, heard: Callable[[], object]) -> None:
        self.db = db
        self.heard = heard
        self._thread = Supervised("listener", self._listen)
        self._pipe: tuple[int, int] | None = None  # closed at its writing end, it ends a wait at once

    def start(self) -> None:
        """Begins listening."""
        self._pipe = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """Stops listening."""
        self._thread.stopping.set()
        if self._pipe is not None:
            (reading, writing), self._pipe = self._pipe, None
            os.close(writing)
            self._thread.stop()
            os.close(reading)

    def _listen(self) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        with self.db.connect() as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel(self.db.schema))))
            self.heard()
            while not self._thread.stopping.is_set():
                wait([connection.fileno(), pipe[0]], LISTEN_SECONDS)
                for _ in connection.notifies(timeout=0):
                    self._thread.succeeded()
                    self.heard()
