"""One PostgreSQL cluster on disk: creates, starts, checks and stops it."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store.embedded.account import Account, DatabaseUnavailable, choose_account
from store.embedded.binaries import prepare_binaries, read_major_version
from store.embedded.file_lock import try_lock

SUPERUSER = "postgres"
PORT = 5432  # only a part of the socket's name: there is no TCP
TIMEOUT_SECONDS = 60  # seconds, for recovery after a crash and for the last checkpoint
MAX_LOG_BYTES = 1_000_000  # bytes; a longer log is renamed at the next start, and the renamed one before is deleted


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
    def from_data_dir(cls, data_dir: Path) -> "Cluster":
        """Describe the cluster of a resolved data folder. Raises DatabaseUnavailable when no account can run it."""
        account = choose_account(data_dir / "postgres")
        name = hashlib.sha256(f"{account.uid}:{data_dir}".encode()).hexdigest()[:16]
        # Not in TMPDIR: it may differ between two processes that must meet, and a socket's path has 107 bytes at most.
        return cls(data_dir, account, Path("/tmp") / f"oncelink-{account.uid}-{name}")  # noqa: S108 checked when made

    @staticmethod
    def get_folder(data_dir: Path) -> Path:
        """Get the folder of the cluster of a data folder, which exists once the cluster is complete."""
        return data_dir / "postgres"

    @property
    def folder(self) -> Path:
        return self.get_folder(self.data_dir)

    @property
    def life_lock(self) -> Path:
        return self.data_dir / "postgres.life"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    def start_or_attach(self, settings: Mapping[str, str]) -> None:
        """Return when the server answers, started if need be. Raises DatabaseUnavailable when that does not happen."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            self.account.make_private_folder(self.socket_directory)
            with try_lock(self.life_lock) as lock:
                if lock is not None:
                    return self._start_server(lock, settings)
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
        deadline = time.monotonic() + TIMEOUT_SECONDS
        is_stopping = False
        while self.is_alive():
            is_stopping = is_stopping or self._request_stop()
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"The PostgreSQL of {self.data_dir} does not stop: its log is {self.log}.")
            time.sleep(0.005)
        if self.account.has_private_folder(self.socket_directory):
            shutil.rmtree(self.socket_directory)

    def is_alive(self) -> bool:
        """Whether any process of the server is left."""
        with try_lock(self.life_lock) as lock:
            return lock is None

    def _is_ready(self) -> bool:
        lines = self._read_pid_file()
        is_ready = len(lines) > 7 and lines[7].strip() == "ready" and lines[4] == str(self.socket_directory)
        # a child that outlives a killed server may hold its socket open for an instant
        return is_ready and _read_command_line(int(lines[0])) != "" and self._is_answering()

    def _is_answering(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket_directory / f".s.PGSQL.{PORT}"))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True

    def _read_pid_file(self) -> list[str]:
        """Read postmaster.pid: process, data folder, start, port, socket folder, addresses, shared memory, state."""
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _request_stop(self) -> bool:
        lines = self._read_pid_file()
        if len(lines) < 5 or lines[4] != str(self.socket_directory):
            return False  # not that far yet, or a server that somebody else started by hand
        process = int(lines[0])
        command = _read_command_line(process)
        if command is not None and str(self.socket_directory) not in command:
            return False  # the number has another owner by now
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT)
        return True

    def _start_server(self, lock: int, settings: Mapping[str, str]) -> None:
        binaries = prepare_binaries(self.account)
        if not self.folder.exists():
            self._initialize_cluster(binaries, lock)
        self._remove_leftovers()
        own_settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_directory),
        }
        own_settings["unix_socket_permissions"] = "0700"
        options = " ".join(
            f"-c {shlex.quote(f'{name}={value}')}" for name, value in {**settings, **own_settings}.items()
        )
        command = [
            str(binaries / "pg_ctl"),
            "start",
            "--silent",
            "--wait",
            f"--timeout={TIMEOUT_SECONDS}",
            "--options",
            options,
        ]
        self._run_program(command, self.folder, lock, error_message="PostgreSQL did not start")

    def _initialize_cluster(self, binaries: Path, lock: int) -> None:
        """Create the cluster in a temporary folder and rename it, so that a kill leaves no partial one."""
        unfinished = self.folder.with_suffix(".unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, self.account.uid, self.account.gid)
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if read_major_version(binaries) >= 17 else ["--locale=C.UTF-8"]
        access = ["--auth-local=trust", "--auth-host=reject"]  # trust whoever can enter the socket's folder
        command = [str(binaries / "initdb"), f"--username={SUPERUSER}", "--encoding=UTF8", "--no-instructions"]
        self._run_program(
            [*command, *locale, *access], unfinished, lock, error_message="The database could not be created"
        )
        unfinished.rename(self.folder)
        _sync_folder(self.data_dir)

    def _remove_leftovers(self) -> None:
        """Remove its socket, and its process number unless a PostgreSQL has it (then PostgreSQL refuses to start).

        Called with the life lock held, so none of ours is alive. What has the number may be a zombie or a stranger.
        """
        for leftover in self.socket_directory.iterdir():
            leftover.unlink()
        lines = self._read_pid_file()
        if lines and _is_not_postgres(int(lines[0])):
            (self.folder / "postmaster.pid").unlink()

    def _run_program(self, command: list[str], folder: Path, lock: int, *, error_message: str) -> None:
        """Run a program with its output in the log. Raises DatabaseUnavailable with the end of it when that fails."""
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        with open(self.log, "ab", opener=_open_private_file) as log:
            start = log.tell()
            exit_status = self.account.run_program(command, folder, output=log.fileno(), inherited_handle=lock)
        if exit_status:
            lines = self.log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
            raise DatabaseUnavailable(f"{error_message}. {self.log} ends with: {' | '.join(lines[-6:])}")


def _open_private_file(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _is_not_postgres(process: int) -> bool:
    command = _read_command_line(process)
    return command is not None and not re.match(r"([^\0]*/)?postgres([:\0]|$)", command)


def _read_command_line(process: int) -> str | None:
    """Return a process's command line: empty when it is gone or a zombie, None when it cannot be read."""
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
