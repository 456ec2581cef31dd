"""One PostgreSQL cluster on disk: made whole or not at all, started, asked whether it is ready, and stopped."""

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from store.embedded.account import Account, DatabaseUnavailable, account_for
from store.embedded.binaries import binaries_for, major_version

SUPERUSER = "postgres"
PORT = 5432  # only a part of the socket's name: there is no TCP
PATIENCE = 60  # seconds, for recovery after a crash and for the last checkpoint
MOST_LOG = 1_000_000  # bytes; a longer log is put aside at the next start, and the one before forgotten


@dataclass(frozen=True)
class Cluster:
    """Where one cluster is and who runs it.

    Every process of PostgreSQL inherits a lock on `life_lock` and holds it for as long as it lives, so the kernel
    knows whether any is left: also after kill -9, when its number is used again, and from another container.
    """

    data_dir: Path
    account: Account
    socket_directory: Path

    @classmethod
    def under(cls, data_dir: Path) -> "Cluster":
        """Describe the cluster of a resolved data folder. Raises DatabaseUnavailable when nobody could run it."""
        account = account_for(data_dir / "postgres")
        name = hashlib.sha256(f"{account.uid}:{data_dir}".encode()).hexdigest()[:16]
        # Not in TMPDIR: it may differ between two processes that must meet, and a socket's path has 107 bytes at most.
        return cls(data_dir, account, Path("/tmp") / f"oncelink-{account.uid}-{name}")  # noqa: S108 checked when made

    @staticmethod
    def folder_in(data_dir: Path) -> Path:
        """Where the cluster of a data folder is, once it is whole."""
        return data_dir / "postgres"

    @property
    def folder(self) -> Path:
        return self.folder_in(self.data_dir)

    @property
    def life_lock(self) -> Path:
        return self.data_dir / "postgres.life"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    def start_or_attach(self, settings: Mapping[str, str]) -> None:
        """Return when the server answers, started if need be. Raises DatabaseUnavailable when that does not happen."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.account.make_private_folder(self.socket_directory)
            with self._life() as lock:
                if lock is not None:
                    return self._start(lock, settings)
            if self._is_ready():
                return None
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The PostgreSQL of {self.data_dir} is running but does not answer: its log is {self.log}. "
                    "It may have been started in another container, or with another /tmp."
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Shut the server down and wait until its last process is gone. Raises DatabaseUnavailable when it stays."""
        deadline = time.monotonic() + PATIENCE
        told = False
        while self.is_alive():
            told = told or self._tell_to_stop()
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"The PostgreSQL of {self.data_dir} does not stop: its log is {self.log}.")
            time.sleep(0.005)
        if self.account.has_private_folder(self.socket_directory):
            shutil.rmtree(self.socket_directory)

    @contextmanager
    def _life(self) -> Iterator[int | None]:
        """Yield the lock that the server's processes inherit, or None when some of them are alive."""
        handle = os.open(self.life_lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield handle
        finally:
            os.close(handle)  # and not LOCK_UN, which would take the lock from those that inherited it

    def is_alive(self) -> bool:
        """Whether any process of the server is left."""
        with self._life() as lock:
            return lock is None

    def _is_ready(self) -> bool:
        said = self._pid_file()
        ready = len(said) > 7 and said[7].strip() == "ready" and said[4] == str(self.socket_directory)
        # a child that outlives a killed server may hold its socket open for an instant
        return ready and _command_of(int(said[0])) != "" and self._answers()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket_directory / f".s.PGSQL.{PORT}"))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True

    def _pid_file(self) -> list[str]:
        """Read postmaster.pid: process, data folder, start, port, socket folder, addresses, shared memory, state."""
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _tell_to_stop(self) -> bool:
        said = self._pid_file()
        if len(said) < 5 or said[4] != str(self.socket_directory):
            return False  # not that far yet, or a server that somebody else started by hand
        process = int(said[0])
        command = _command_of(process)
        if command is not None and str(self.socket_directory) not in command:
            return False  # the number has another owner by now
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT)
        return True

    def _start(self, lock: int, settings: Mapping[str, str]) -> None:
        binaries = binaries_for(self.account)
        if not self.folder.exists():
            self._initialise(binaries, lock)
        self._clear_what_a_killed_server_left()
        ours = {"listen_addresses": "", "port": str(PORT), "unix_socket_directories": str(self.socket_directory)}
        ours["unix_socket_permissions"] = "0700"
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in {**settings, **ours}.items())
        command = [
            str(binaries / "pg_ctl"),
            "start",
            "--silent",
            "--wait",
            f"--timeout={PATIENCE}",
            "--options",
            options,
        ]
        self._run(command, self.folder, lock, otherwise="PostgreSQL did not start")

    def _initialise(self, binaries: Path, lock: int) -> None:
        """Make the cluster beside its place and rename it, so that a kill in the middle leaves nothing half-made."""
        unfinished = self.folder.with_suffix(".unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, self.account.uid, self.account.gid)
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if major_version(binaries) >= 17 else ["--locale=C.UTF-8"]
        access = ["--auth-local=trust", "--auth-host=reject"]  # trust whoever can enter the socket's folder
        command = [str(binaries / "initdb"), f"--username={SUPERUSER}", "--encoding=UTF8", "--no-instructions"]
        self._run([*command, *locale, *access], unfinished, lock, otherwise="The database could not be created")
        unfinished.rename(self.folder)
        _sync_folder(self.data_dir)

    def _clear_what_a_killed_server_left(self) -> None:
        """Remove its socket, and its process number unless a PostgreSQL has it (then PostgreSQL refuses to start).

        Called with the life lock held, so none of ours is alive. What has the number may be a zombie or a stranger.
        """
        for leftover in self.socket_directory.iterdir():
            leftover.unlink()
        said = self._pid_file()
        if said and _is_no_postgres(int(said[0])):
            (self.folder / "postmaster.pid").unlink()

    def _run(self, command: list[str], folder: Path, lock: int, *, otherwise: str) -> None:
        """Run a program with its output in the log. Raises DatabaseUnavailable with the end of it when that fails."""
        if self.log.exists() and self.log.stat().st_size > MOST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        with open(self.log, "ab", opener=_for_us_only) as log:
            start = log.tell()
            failed = self.account.run(command, folder, output=log.fileno(), inherited=lock)
        if failed:
            lines = self.log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
            raise DatabaseUnavailable(f"{otherwise}. {self.log} ends with: {' | '.join(lines[-6:])}")


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _is_no_postgres(process: int) -> bool:
    command = _command_of(process)
    return command is not None and not re.match(r"([^\0]*/)?postgres([:\0]|$)", command)


def _command_of(process: int) -> str | None:
    """Return the command line of a process: empty when it is gone or a zombie, None where it is not shown."""
    if sys.platform != "linux":
        return None
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
