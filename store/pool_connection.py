"""A connection that limits its wait for synchronous standbys, and reports a cancelled wait as an error."""

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.abc import RV, PQGen
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow

# longer than the statement timeout: what still waits then is a commit, for which the server has no timeout
MAX_WAIT_SECONDS = 35.0
CANCEL_SECONDS = 5.0
WAITS_FOR_STANDBYS = "SyncRepWaitForLSN"  # a function of PostgreSQL: its name is not translated, unlike its messages


class Unreplicated(Exception):
    """Committed on this server, but not confirmed by a synchronous standby: it may be lost with this server."""


class PooledConnection(Connection[DictRow]):
    """A connection of the service's pool. Every method that waits for the server may also raise Unreplicated."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warnings: list[str] = []
        self.add_notice_handler(partial(record_warning, self.warnings))

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Wait for an answer. A cancelled wait for standbys raises Unreplicated, whatever the server says."""
        self.warnings.clear()
        try:
            return super().wait(self.limit_wait(gen), *args, **kwargs)
        finally:
            if self.warnings:
                raise Unreplicated(self.warnings[0])

    def limit_wait(self, gen: PQGen[RV]) -> PQGen[RV]:
        """Limit a wait to MAX_WAIT_SECONDS; then cancel the statement."""
        until = monotonic() + MAX_WAIT_SECONDS
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and monotonic() > until:
                    self.cancel_statement()
                    until = monotonic() + MAX_WAIT_SECONDS
                wanted = gen.send(ready)
        except StopIteration as done:
            result: RV = done.value
            return result

    def cancel_statement(self) -> None:
        """Ask the server to cancel this connection's statement; its answer is still to come."""
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_SECONDS)


def record_warning(warnings: list[str], diagnostic: Diagnostic) -> None:
    """Record the warning with which the server gives up waiting for standbys."""
    if diagnostic.source_function == WAITS_FOR_STANDBYS:
        warnings.append(diagnostic.message_primary or "")
