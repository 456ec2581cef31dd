"""A connection that waits for synchronous standbys, but not for ever, and takes no cancelled wait for a success."""

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.abc import RV, PQGen
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow

# longer than the server lets any statement take: what is waited for then is a commit that has no timeout there
PATIENCE_SECONDS = 35.0
CANCEL_SECONDS = 5.0
WAITS_FOR_STANDBYS = "SyncRepWaitForLSN"  # of PostgreSQL's source: unlike its messages it is in no language


class Unreplicated(Exception):
    """It is committed here, but no synchronous standby has said that it has it: it may be lost with this server."""


class PooledConnection(Connection[DictRow]):
    """One of the service's pool. Whatever waits for the server raises Unreplicated too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warned: list[str] = []
        self.add_notice_handler(partial(note, self.warned))

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Waits for what was sent; a wait for standbys that anybody cancelled is an error, whatever the server says."""
        self.warned.clear()
        try:
            return super().wait(self.limited(gen), *args, **kwargs)
        finally:
            if self.warned:
                raise Unreplicated(self.warned[0])

    def limited(self, gen: PQGen[RV]) -> PQGen[RV]:
        """The same wait, which is cancelled when it takes too long."""
        until = monotonic() + PATIENCE_SECONDS
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and monotonic() > until:
                    self.give_up()
                    until = monotonic() + PATIENCE_SECONDS
                wanted = gen.send(ready)
        except StopIteration as done:
            found: RV = done.value
            return found

    def give_up(self) -> None:
        """Asks the server to end what it does for us; its answer is still to come."""
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_SECONDS)


def note(warned: list[str], said: Diagnostic) -> None:
    """Keeps what the server says where it gives up waiting for standbys."""
    if said.source_function == WAITS_FOR_STANDBYS:
        warned.append(said.message_primary or "")
