"""A synchronous standby that can go away and come back: pg_receivewal, which keeps what is written as one does."""

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg

from store.embedded.binaries import find_binaries
from store.embedded.server import Server, run_server
from tests.once.server_processes import stop_process, wait_until

T = TypeVar("T")
NAME = "standby"
HERE = "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND sync_state = 'sync'"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE %s"


class Standby:
    """The only synchronous standby of a server, without which no commit of it returns by itself."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def come(self) -> None:
        """Follows the server from now on."""
        where = f"host={self.server.socket_directory} port={self.server.port} user={self.server.superuser}"
        program = str(find_binaries() / "pg_receivewal")
        options = ["--synchronous", "--directory", str(self.folder), "--dbname", f"{where} application_name={NAME}"]
        with (self.folder.parent / "standby.log").open("ab") as output:
            self.process = subprocess.Popen([program, *options], stdout=output, stderr=output)
        wait_until(lambda: self.asked(HERE, NAME) == [1], "the standby follows")

    def leave(self) -> None:
        """Is gone; what is committed from now on is on the server alone."""
        if self.process is not None:
            self.process.kill()
            stop_process(self.process)
            wait_until(lambda: self.asked(HERE, NAME) == [0], "the server has noticed")
        self.process = None

    def asked(self, query: str, *params: object) -> list[int]:
        """The numbers that the superuser is answered."""
        with psycopg.connect(self.server.build_url(), autocommit=True) as connection:
            return [row[0] for row in connection.execute(query, params)]

    def waiting(self, part: str = "") -> list[int]:
        """The backends whose commit waits for the standby, of statements with this part."""
        return self.asked(WAITING, f"%{part}%")

    def ends_waits(self, done: Sequence["Future[T]"], how: str = "pg_cancel_backend") -> list[T]:
        """What comes of these, when somebody ends each wait for the standby that they still come to."""

        def all_done() -> bool:
            for process in self.waiting():
                self.asked(f"SELECT {how}(%s)::int", process)
            return all(one.done() for one in done)

        wait_until(all_done, "everybody who waited has an answer")
        return [one.result() for one in done]


@contextmanager
def replicating(folder: Path) -> Iterator[Standby]:
    """A server of its own with its standby, there."""
    (folder / "standby").mkdir()
    with run_server(folder / "postgres", settings={"synchronous_standby_names": NAME}) as server:
        standby = Standby(server, folder / "standby")
        standby.come()
        try:
            yield standby
        finally:
            standby.leave()
