"""The processes that a fault can hit: those of the service, and those of PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.once.server_processes import COMMAND, ROOT, stop_process


@contextmanager
def run_oncelink(arguments: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the service while the context lasts."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        stop_process(process)


def list_children(parent: int) -> list[int]:
    """List the living child processes of a process."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, owner = (entry / "stat").read_text().rsplit(") ", 1)[1].split()[:2]
            if int(owner) == parent and state != "Z":
                pids.append(int(entry.name))
    return pids


def list_workers(server: int) -> list[int]:
    """List the worker processes of `oncelink serve --workers N`."""
    return [child for child in list_children(server) if b"spawn_main" in read_command_line(child)]


def read_command_line(process: int) -> bytes:
    """Read the command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def kill_processes(*processes: int) -> int:
    """Send SIGKILL to processes. Return how many existed."""
    return sum(send_signal(process, signal.SIGKILL) for process in processes)


def pause_process(process: int, seconds: float) -> bool:
    """Stop a process for some seconds. Return whether it existed."""
    if not send_signal(process, signal.SIGSTOP):
        return False
    try:
        time.sleep(seconds)
    finally:
        send_signal(process, signal.SIGCONT)
    return True


def send_signal(process: int, signal_number: signal.Signals) -> bool:
    """Send a signal. Return whether the process existed."""
    try:
        os.kill(process, signal_number)
    except ProcessLookupError:
        return False
    return True
