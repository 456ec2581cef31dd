"""The processes that a fault can happen to: of the service, and of PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.once.server_processes import COMMAND, ROOT, end


@contextmanager
def oncelink(arguments: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command of the service that runs as long as this lasts."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        end(process)


def children(parent: int) -> list[int]:
    """The living child processes of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, owner = (entry / "stat").read_text().rsplit(") ", 1)[1].split()[:2]
            if int(owner) == parent and state != "Z":
                found.append(int(entry.name))
    return found


def workers(server: int) -> list[int]:
    """The worker processes of `oncelink serve --workers N`."""
    return [child for child in children(server) if b"spawn_main" in command_of(child)]


def command_of(process: int) -> bytes:
    """The command line of a process; nothing when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(*processes: int) -> int:
    """Kills processes, as nothing can prevent; how many there were."""
    return sum(sent(process, signal.SIGKILL) for process in processes)


def pause(process: int, seconds: float) -> bool:
    """Stops a process for a while; whether it was there."""
    if not sent(process, signal.SIGSTOP):
        return False
    try:
        time.sleep(seconds)
    finally:
        sent(process, signal.SIGCONT)
    return True


def sent(process: int, number: signal.Signals) -> bool:
    """Sends a signal; whether there was somebody to take it."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True
