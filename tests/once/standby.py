"""A synchronous standby that tests can stop and start: pg_receivewal, which stores the log as a standby does."""

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg

from store.embedded.binaries import find_binaries
from store.embedded.server import Server, run_server
from tests.once.server_processes import stop_process
from tests.waiting import wait_until

T = TypeVar("T")
NAME = "standby"
ATTACHED = "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND sync_state = 'sync'"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE %s"


class Standby:
    """The only synchronous standby of a server, without which no commit of it returns by itself."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start to receive the server's log."""
        dsn = f"host={self.server.socket_directory} port={self.server.port} user={self.server.superuser}"
        program = str(find_binaries() / "pg_receivewal")
        options = ["--synchronous", "--directory", str(self.folder), "--dbname", f"{dsn} application_name={NAME}"]
        with (self.folder.parent / "standby.log").open("ab") as output:
            self.process = subprocess.Popen([program, *options], stdout=output, stderr=output)
        wait_until(lambda: self.fetch_numbers(ATTACHED, NAME) == [1], "the standby follows")

    def stop(self) -> None:
        """Stop; what is committed from now on is on the server alone."""
        if self.process is not None:
            self.process.kill()
            stop_process(self.process)
            wait_until(lambda: self.fetch_numbers(ATTACHED, NAME) == [0], "the server has noticed")
        self.process = None

    def fetch_numbers(self, query: str, *params: object) -> list[int]:
        """Fetch the first column of a query, as the superuser."""
        with psycopg.connect(self.server.build_url(), autocommit=True) as connection:
            return [row[0] for row in connection.execute(query, params)]

    def list_waiting_backends(self, part: str = "") -> list[int]:
        """List the backends whose commit waits for the standby, of statements that contain `part`."""
        return self.fetch_numbers(WAITING, f"%{part}%")

    def end_waits(self, futures: Sequence["Future[T]"], function: str = "pg_cancel_backend") -> list[T]:
        """Return the results of futures, ending each wait for the standby with an SQL function of one process id."""

        def is_done() -> bool:
            for backend in self.list_waiting_backends():
                self.fetch_numbers(f"SELECT {function}(%s)::int", backend)
            return all(future.done() for future in futures)

        wait_until(is_done, "everybody who waited has an answer")
        return [future.result() for future in futures]


@contextmanager
def run_replicated_server(folder: Path) -> Iterator[Standby]:
    """Run a server of its own with its standby attached."""
    (folder / "standby").mkdir()
    with run_server(folder / "postgres", settings={"synchronous_standby_names": NAME}) as server:
        standby = Standby(server, folder / "standby")
        standby.start()
        try:
            yield standby
        finally:
            standby.stop()
