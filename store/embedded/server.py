"""An embedded PostgreSQL, shared by processes: the first one starts it, the last one stops it."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from store.embedded.account import DatabaseUnavailable
from store.embedded.cluster import PORT, SUPERUSER, Cluster
from store.embedded.watchdog import watch_server

log = logging.getLogger("oncelink")


@dataclass(frozen=True)
class Server:
    """How to reach a running server."""

    socket_directory: Path
    port: int
    superuser: str

    def build_url(self, user: str | None = None, database: str = "postgres") -> str:
        """Return the libpq URL of a database, over the Unix socket; the superuser's unless a user is named."""
        parameters = urlencode({"host": str(self.socket_directory), "port": self.port}, safe="/", quote_via=quote)
        return f"postgresql://{quote(user or self.superuser, safe='')}@/{quote(database, safe='')}?{parameters}"


def has_cluster(data_dir: Path) -> bool:
    """Whether a data folder has a database in it; nothing is created to find out."""
    try:
        Cluster.get_folder(data_dir).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it cannot be read: the start explains why
    return True


@contextmanager
def run_server(
    data_dir: Path, *, settings: Mapping[str, str] = {}, restart_if_killed: bool = False
) -> Iterator[Server]:
    """Yield the server of this data folder: started with these settings, or as another process started it.

    With `restart_if_killed`, a server that is killed is started again by whoever still uses it.
    Raises DatabaseUnavailable when there is no PostgreSQL, when the folder cannot be used, when the server does not
    start, and at the end when it does not stop.
    """
    data_dir = _prepare_data_dir(data_dir)
    cluster = Cluster.from_data_dir(data_dir)
    with _open_lock_file(data_dir / "postgres.users") as users:
        try:
            with _hold_lock(data_dir):
                fcntl.flock(users, fcntl.LOCK_SH)
                cluster.start_or_attach(settings)
            with (
                watch_server(lambda: _restart_if_gone(data_dir, cluster, settings))
                if restart_if_killed
                else nullcontext()
            ):
                yield Server(cluster.socket_directory, PORT, SUPERUSER)
        finally:
            with _hold_lock(data_dir):
                if _is_last(users):
                    cluster.stop()


def _restart_if_gone(data_dir: Path, cluster: Cluster, settings: Mapping[str, str]) -> None:
    with _hold_lock(data_dir):
        if not cluster.is_alive():
            log.warning("the embedded database is gone: starting it again")
            cluster.start_or_attach(settings)


def _prepare_data_dir(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _hold_lock(data_dir):
            return data_dir.resolve(strict=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"The data folder {data_dir} cannot be used ({error.strerror}): "
            "set ONCELINK_DATA_DIR to one that you can write to."
        ) from error


@contextmanager
def _hold_lock(data_dir: Path) -> Iterator[None]:
    """Hold the lock for starting and stopping; the kernel releases that of a killed process."""
    with _open_lock_file(data_dir / "postgres.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _open_lock_file(path: Path) -> Iterator[int]:
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
