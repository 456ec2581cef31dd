"""The operating system's user that PostgreSQL runs as, because it refuses to run as root."""

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ALTERNATIVES = "Run `docker compose up`, or set ONCELINK_DATABASE_URL to a PostgreSQL of your own."


class DatabaseUnavailable(Exception):
    """There is no PostgreSQL to work with. The message is a sentence for the operator."""


@dataclass(frozen=True)
class Account:
    """The user that runs PostgreSQL: our own, or an unprivileged one when we are root."""

    uid: int
    gid: int

    @property
    def is_ourselves(self) -> bool:
        return self.uid == os.geteuid()

    def build_process_options(self) -> dict[str, Any]:
        """Return the options of `subprocess` that start a program as this account, without PG… variables."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        options: dict[str, Any] = {"env": environment, "cwd": "/", "stdin": subprocess.DEVNULL}
        if not self.is_ourselves:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run_program(self, command: Sequence[str], cluster: Path, *, output: int, inherited_handle: int) -> int:
        """Run a program of PostgreSQL on a cluster, hand it an open file to keep, and return its exit status.

        The account may not be allowed to walk to the cluster (when root has it in /root, say), but it may use a handle
        that root has opened, and on Linux an open handle has a path of its own.
        Raises DatabaseUnavailable when the program cannot be run at all.
        """
        handle = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
        by_handle = sys.platform == "linux" and not self.is_ourselves
        command = [*command, "--pgdata", f"/proc/self/fd/{handle}" if by_handle else str(cluster)]
        options = self.build_process_options() | {
            "pass_fds": [handle, inherited_handle],
            "stdout": output,
            "stderr": output,
        }
        try:
            return subprocess.run(command, **options).returncode  # noqa: S603 the programs of PostgreSQL only
        except OSError as error:
            raise DatabaseUnavailable(f"{command[0]} could not be run as user number {self.uid} ({error}).") from error
        finally:
            os.close(handle)

    def make_private_folder(self, path: Path) -> None:
        """Make a folder for this account only, or make sure that it is one.

        Raises DatabaseUnavailable when it is there and somebody else made it, or may look into it.
        """
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if not self.has_private_folder(path):
            raise DatabaseUnavailable(
                f"{path} must be a folder that only user number {self.uid} can enter, and it is not: "
                f"see why user number {path.lstat().st_uid} made it, and remove it."
            )
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def has_private_folder(self, path: Path) -> bool:
        """Return whether this is a folder, no symlink, that only this account or root can enter."""
        if not os.path.lexists(path):
            return False
        status = path.lstat()
        return stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077 and status.st_uid in (os.geteuid(), self.uid)


def choose_account(cluster: Path) -> Account:
    """Choose who runs the cluster: its owner, else ourselves, else (we are root) `postgres`, else `nobody`.

    Raises DatabaseUnavailable when the cluster is somebody else's, or when root finds neither of the two.
    """
    if cluster.exists():
        return _get_owner(cluster)
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in entries:
            return Account(entries[name].pw_uid, entries[name].pw_gid)
    raise DatabaseUnavailable(
        f"PostgreSQL cannot run as root, and there is no user `postgres` or `nobody`. {ALTERNATIVES}"
    )


def _get_owner(cluster: Path) -> Account:
    status = cluster.stat()
    if status.st_uid == 0:
        raise DatabaseUnavailable(
            f"{cluster} belongs to root, as whom PostgreSQL cannot run: give it back with chown -R."
        )
    if os.geteuid() not in (0, status.st_uid):
        raise DatabaseUnavailable(
            f"{cluster} belongs to another user (number {status.st_uid}): "
            "run Oncelink as that user, or set ONCELINK_DATA_DIR to a folder of your own."
        )
    return Account(status.st_uid, status.st_gid)
