"""An embedded PostgreSQL, shared by processes: the first one starts it, the last one stops it."""

import fcntl
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from store.embedded.account import DatabaseUnavailable
from store.embedded.cluster import PORT, SUPERUSER, Cluster
from store.embedded.file_lock import open_lock_file, try_exclusive_lock, wait_for_lock
from store.embedded.guardian import PRESENCE_LOCK, START_LOCK, USERS_LOCK, ensure_guardian
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

    With `restart_if_killed`, a server that is killed is started again by whoever still uses it. When all of
    its users were killed, a server ends by itself within seconds.
    Raises DatabaseUnavailable when there is no PostgreSQL, when the folder cannot be used, when the server does not
    start, and at the end when it does not stop.
    """
    data_dir = _prepare_data_dir(data_dir)
    cluster = Cluster.from_data_dir(data_dir)
    with open_lock_file(data_dir / USERS_LOCK) as users, open_lock_file(data_dir / PRESENCE_LOCK) as presence:
        try:
            with wait_for_lock(data_dir / START_LOCK):
                fcntl.flock(users, fcntl.LOCK_SH)
                fcntl.flock(presence, fcntl.LOCK_SH)
                ensure_guardian(data_dir)
                cluster.start_or_attach(settings)
            with (
                watch_server(lambda: _restart_if_gone(data_dir, cluster, settings))
                if restart_if_killed
                else nullcontext()
            ):
                yield Server(cluster.socket_directory, PORT, SUPERUSER)
        finally:
            with wait_for_lock(data_dir / START_LOCK):
                if try_exclusive_lock(users):
                    cluster.stop()


def _restart_if_gone(data_dir: Path, cluster: Cluster, settings: Mapping[str, str]) -> None:
    with wait_for_lock(data_dir / START_LOCK):
        ensure_guardian(data_dir)
        if not cluster.is_alive():
            log.warning("the embedded database is gone: starting it again")
            cluster.start_or_attach(settings)


def _prepare_data_dir(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with wait_for_lock(data_dir / START_LOCK):
            return data_dir.resolve(strict=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"The data folder {data_dir} cannot be used ({error.strerror}): "
            "set ONCELINK_DATA_DIR to one that you can write to."
        ) from error
