"""NOTIFY after appends, coalesced, and LISTEN. A notification may be lost; readers poll as well."""

import os
from collections.abc import Callable
from multiprocessing.connection import wait
from threading import Event

from psycopg import sql

from projections.following.background_worker import SupervisedThread
from store.database import Database

PAUSE_SECONDS = 0.01
LISTEN_SECONDS = 0.5


def build_channel_name(schema: str) -> str:
    """The name of a schema's channel. PostgreSQL cuts channel names after 63 bytes."""
    return f"appended.{schema}".encode()[:63].decode(errors="ignore")


class AppendNotifier:
    """Notifies every listener that the log has grown, at most every 10 ms, on a connection of its own.

    It never runs inside an append: NOTIFY takes a lock of the whole server until its transaction is flushed.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self._notify_requested = Event()
        self._thread = SupervisedThread("hint", self._run_loop)

    def request_notify(self) -> None:
        """Requests a notification soon. Returns at once."""
        self._notify_requested.set()

    def start(self) -> "AppendNotifier":
        """Starts sending, in a daemon thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops sending, and waits for the thread."""
        self._thread.stop_requested.set()
        self._notify_requested.set()
        self._thread.stop()

    def _run_loop(self) -> None:
        with self.db.connect("notifier") as connection:
            while not self._thread.stop_requested.is_set():
                if not self._notify_requested.wait(LISTEN_SECONDS):
                    continue
                self._notify_requested.clear()
                connection.execute("SELECT pg_notify(%s, '')", (build_channel_name(self.db.schema),))
                self._thread.record_success()
                self._thread.stop_requested.wait(PAUSE_SECONDS)


class AppendListener:
    """Calls `on_append` at each notification, from a daemon thread with a connection of its own."""

    def __init__(self, db: Database, on_append: Callable[[], object]) -> None:
        self.db = db
        self.on_append = on_append
        self._thread = SupervisedThread("listener", self._run_loop)
        self._pipe: tuple[int, int] | None = None  # closing its write end wakes the listening thread at once

    def start(self) -> None:
        """Starts listening."""
        self._pipe = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """Stops listening, and waits for the thread."""
        self._thread.stop_requested.set()
        if self._pipe is not None:
            (read_end, write_end), self._pipe = self._pipe, None
            os.close(write_end)
            self._thread.stop()
            os.close(read_end)

    def _run_loop(self) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        with self.db.connect("listener") as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(build_channel_name(self.db.schema))))
            self.on_append()
            while not self._thread.stop_requested.is_set():
                wait([connection.fileno(), pipe[0]], LISTEN_SECONDS)
                for _ in connection.notifies(timeout=0):
                    self._thread.record_success()
                    self.on_append()
