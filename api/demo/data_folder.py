"""The demo's data folder, and how `--fresh` discards an earlier demo's database without touching any other."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from api.server import CannotStart
from api.settings import WrongSetting
from store.embedded.file_lock import try_lock
from store.embedded.server import run_server

MARKER_FILE = "made-by-oncelink-demo"
MARKER_TEXT = "The database beside this file was made by `oncelink demo`; `oncelink demo --fresh` throws it away.\n"
LOCKS = ("postgres.lock", "postgres.users", "postgres.life")  # see store/embedded/guardian.py
TRY_SECONDS = 5.0  # the database's guardian holds them for an instant after its last user is gone


def mark_folder(data_dir: Path) -> None:
    """Mark an empty data folder as the demo's. Raises WrongSetting."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (data_dir / "postgres").exists():
            (data_dir / MARKER_FILE).write_text(MARKER_TEXT)
    except OSError as error:
        raise WrongSetting(f"ONCELINK_DATA_DIR: {data_dir} cannot be written ({error.strerror}).") from None


def discard_database(data_dir: Path) -> None:
    """Delete an earlier demo's database; the secret keys stay. Raises CannotStart."""
    folder, discarded = data_dir / "postgres", data_dir / "postgres.discarded"
    if folder.exists():
        refuse_unless_demo(data_dir)
        stop_orphaned_server(data_dir)
        with hold_locks(data_dir):
            if discarded.exists():
                shutil.rmtree(discarded)
            folder.rename(discarded)
    if discarded.exists():
        shutil.rmtree(discarded)


def refuse_unless_demo(data_dir: Path) -> None:
    """Refuse a database that no demo has made. Raises CannotStart."""
    if not (data_dir / MARKER_FILE).is_file() or not (data_dir / "postgres" / "PG_VERSION").is_file():
        raise CannotStart(
            f"{data_dir / 'postgres'} was not made by `oncelink demo`, so --fresh leaves it alone: "
            "choose another folder with --data, or remove it yourself."
        )


def stop_orphaned_server(data_dir: Path) -> None:
    """Stop a PostgreSQL whose application was killed: being its last user is enough."""
    life_lock, users_lock = data_dir / "postgres.life", data_dir / "postgres.users"
    with try_lock(life_lock) as life_handle, try_lock(users_lock) as users_handle:
        is_orphaned = users_handle is not None and life_handle is None
    if is_orphaned:
        with run_server(data_dir):
            pass


@contextmanager
def hold_locks(data_dir: Path) -> Iterator[None]:
    """Hold every lock of the database, so that nobody can start or use it. Raises CannotStart when somebody does."""
    deadline = time.monotonic() + TRY_SECONDS
    while True:
        with ExitStack() as stack:
            if all(stack.enter_context(try_lock(data_dir / name)) is not None for name in LOCKS):
                yield
                return
        if time.monotonic() > deadline:
            raise CannotStart(f"The database in {data_dir} is in use: stop the server that uses it first.")
        time.sleep(0.05)
