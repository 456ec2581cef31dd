"""Server processes of the service, each on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from api.settings import Settings

ROOT = Path(__file__).parents[2]
COMMAND = "from api.cli.main import app; app()"
PATIENCE = 30.0


@contextmanager
def servers(settings: Settings, count: int = 2, pool_size: int = 30) -> Iterator[list[httpx2.Client]]:
    """Server processes on one database, as clients that guests may share; ended afterwards."""
    with ExitStack() as stack:
        running = [stack.enter_context(server(settings, pool_size)) for _ in range(count)]
        wait_until(lambda: all(map(answers, running)), "every server answers")
        yield running


@contextmanager
def server(settings: Settings, pool_size: int) -> Iterator[httpx2.Client]:
    """One server process, starting."""
    port = free_port()
    with (settings.data_dir / f"server-{port}.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--port", str(port)],
            cwd=ROOT,
            env=environment(settings, pool_size),
            stdout=output,
            stderr=output,
        )
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as client:
            yield client
    finally:
        process.terminate()
        end(process)


def environment(settings: Settings, pool_size: int) -> dict[str, str]:
    """The settings as a process reads them."""
    return os.environ | {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
        "ONCELINK_BASE_URL": settings.base_url,
        "ONCELINK_POOL_SIZE": str(pool_size),
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """Waits for a process that was told to end; kills it when it does not."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(client: httpx2.Client) -> bool:
    """Whether a server answers yet."""
    try:
        return client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def wait_until(holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Looks until something holds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.02)
