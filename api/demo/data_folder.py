"""Where the demo keeps its database, and how an earlier one is thrown away without touching anybody else's."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from api.server import CannotStart
from api.settings import WrongSetting
from store.embedded.server import running

MARK = "made-by-oncelink-demo"
ABOUT = "The database beside this file was made by `oncelink demo`; `oncelink demo --fresh` throws it away.\n"
LOCKS = ("postgres.lock", "postgres.users", "postgres.life")  # see store/embedded/server.py


def mark(data_dir: Path) -> None:
    """Says of a folder in which there is no database yet that the one to come is a demo's. Raises WrongSetting."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (data_dir / "postgres").exists():
            (data_dir / MARK).write_text(ABOUT)
    except OSError as error:
        raise WrongSetting(f"ONCELINK_DATA_DIR: {data_dir} cannot be written ({error.strerror}).") from None


def throw_away(data_dir: Path) -> None:
    """Removes an earlier demo's database, and leaves the secret keys. Raises CannotStart."""
    folder, discarded = data_dir / "postgres", data_dir / "postgres.discarded"
    if folder.exists():
        refuse_unless_ours(data_dir)
        stop_if_left_behind(data_dir)
        with unused(data_dir):
            if discarded.exists():
                shutil.rmtree(discarded)
            folder.rename(discarded)
    if discarded.exists():
        shutil.rmtree(discarded)


def refuse_unless_ours(data_dir: Path) -> None:
    """Lets only a database pass that a demo has made. Raises CannotStart."""
    if not (data_dir / MARK).is_file() or not (data_dir / "postgres" / "PG_VERSION").is_file():
        raise CannotStart(
            f"{data_dir / 'postgres'} was not made by `oncelink demo`, so --fresh leaves it alone: "
            "choose another folder with --data, or remove it yourself."
        )


def stop_if_left_behind(data_dir: Path) -> None:
    """Stops a PostgreSQL whose application was killed: to be its last user is enough."""
    life, users = data_dir / "postgres.life", data_dir / "postgres.users"
    with locked(life) as ended, locked(users) as nobody:
        left_behind = nobody and not ended
    if left_behind:
        with running(data_dir):
            pass


@contextmanager
def unused(data_dir: Path) -> Iterator[None]:
    """Keeps everybody from starting or using the database meanwhile. Raises CannotStart when somebody does."""
    with ExitStack() as stack:
        if not all(stack.enter_context(locked(data_dir / name)) for name in LOCKS):
            raise CannotStart(f"The database in {data_dir} is in use: stop the server that uses it first.")
        yield


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Whether nobody else has this lock; if so, it is ours for as long as this lasts."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
