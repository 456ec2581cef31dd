"""An embedded PostgreSQL for as long as any process wants it: the first one in starts it, the last one out stops it."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from store.embedded.account import DatabaseUnavailable
from store.embedded.binaries import find_binaries
from store.embedded.cluster import PORT, SUPERUSER, Cluster
from store.embedded.watchdog import watching

__all__ = ["DatabaseUnavailable", "Server", "find_binaries", "is_made", "running"]

log = logging.getLogger("oncelink")


@dataclass(frozen=True)
class Server:
    """How to reach a running server."""

    socket_directory: Path
    port: int
    superuser: str

    def url(self, user: str | None = None, database: str = "postgres") -> str:
        """Return the libpq URL of a database, over the Unix socket; the superuser's unless a user is named."""
        where = urlencode({"host": str(self.socket_directory), "port": self.port}, safe="/", quote_via=quote)
        return f"postgresql://{quote(user or self.superuser, safe='')}@/{quote(database, safe='')}?{where}"


def is_made(data_dir: Path) -> bool:
    """Whether a data folder has a database in it; nothing is created to find out."""
    try:
        Cluster.folder_in(data_dir).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it is not for us to see: whoever starts it says why
    return True


@contextmanager
def running(data_dir: Path, *, settings: Mapping[str, str] = {}, watched: bool = False) -> Iterator[Server]:
    """Yield the server of this data folder: started with these settings, or as another process started it.

    A watched one that is killed is started again by whoever still uses it.
    Raises DatabaseUnavailable when there is no PostgreSQL, when the folder cannot be used, when the server does not
    start, and at the end when it does not stop.
    """
    data_dir = _usable(data_dir)
    cluster = Cluster.under(data_dir)
    with _lock_file(data_dir / "postgres.users") as users:
        try:
            with _turn(data_dir):
                fcntl.flock(users, fcntl.LOCK_SH)
                cluster.start_or_attach(settings)
            with watching(lambda: _revive(data_dir, cluster, settings)) if watched else nullcontext():
                yield Server(cluster.socket_directory, PORT, SUPERUSER)
        finally:
            with _turn(data_dir):
                if _is_last(users):
                    cluster.stop()


def _revive(data_dir: Path, cluster: Cluster, settings: Mapping[str, str]) -> None:
    with _turn(data_dir):
        if not cluster.is_alive():
            log.warning("the embedded database is gone: starting it again")
            cluster.start_or_attach(settings)


def _usable(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _turn(data_dir):
            return data_dir.resolve(strict=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"The data folder {data_dir} cannot be used ({error.strerror}): "
            "set ONCELINK_DATA_DIR to one that you can write to."
        ) from error


@contextmanager
def _turn(data_dir: Path) -> Iterator[None]:
    """Let one process at a time decide about starting and stopping; the kernel ends the turn of a killed one."""
    with _lock_file(data_dir / "postgres.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
