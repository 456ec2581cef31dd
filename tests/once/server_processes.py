"""Server processes of the service, each on a port of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from api.settings import Settings
from tests.waiting import find_free_port, wait_until

ROOT = Path(__file__).parents[2]
COMMAND = "from api.cli.main import app; app()"
TIMEOUT_SECONDS = 30.0


@contextmanager
def run_server_processes(settings: Settings, count: int = 2, pool_size: int = 30) -> Iterator[list[httpx2.Client]]:
    """Run server processes on one database. Yield HTTP clients that threads may share."""
    with ExitStack() as stack:
        clients = [stack.enter_context(run_server_process(settings, pool_size))[1] for _ in range(count)]
        wait_until(lambda: all(map(is_healthy, clients)), "every server answers")
        yield clients


@contextmanager
def run_server_process(settings: Settings, pool_size: int) -> Iterator[tuple[int, httpx2.Client]]:
    """Run one server process. Yield its number, and an HTTP client for it."""
    port = find_free_port()
    with (settings.data_dir / f"server-{port}.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--port", str(port)],
            cwd=ROOT,
            env=build_environment_variables(settings, pool_size),
            stdout=output,
            stderr=output,
        )
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as client:
            yield process.pid, client
    finally:
        process.terminate()
        stop_process(process)


def build_environment_variables(settings: Settings, pool_size: int) -> dict[str, str]:
    """Build the environment variables with which a process reads these settings."""
    return os.environ | {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
        "ONCELINK_BASE_URL": settings.base_url,
        "ONCELINK_POOL_SIZE": str(pool_size),
        "ONCELINK_GUEST_BOOKING_QUOTA": str(settings.guest_booking_quota),
        "ONCELINK_GUEST_MOVE_QUOTA": str(settings.guest_move_quota),
        "ONCELINK_GUEST_MAIL_QUOTA": str(settings.guest_mail_quota),
    }


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; kill it when it does not."""
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def is_healthy(client: httpx2.Client) -> bool:
    """Return whether a server is healthy."""
    try:
        return client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False
