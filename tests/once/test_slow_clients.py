"""Three hundred clients that never end what they begin: memory stays as it is, and a guest is served meanwhile."""

import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from api.settings import Settings
from tests.api_driver import GUEST, ApiDriver
from tests.once.server_processes import is_healthy, run_server_process
from tests.waiting import wait_until

CLIENTS = 300
MAX_GROWTH_BYTES = (
    60_000_000  # they send 30 MB, of which parsers and bodies may keep most; unbounded it would be 160 MB
)
BEGINNINGS = (
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_300_000,
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000,
    b"POST /v1/book/x HTTP/1.1\r\nHost: x\r\nContent-Length: 65000\r\n\r\n" + b"a" * 60_000,
)


def read_resident_bytes(process_id: int) -> int:
    """The memory that a process has."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) * 1024


def begin_request(stack: ExitStack, port: int, beginning: bytes) -> socket.socket:
    """Open a connection and send what has no end."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
    with suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(beginning)
    return connection


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_they_take_no_memory_and_keep_nobody_out(api: ApiDriver, settings: Settings) -> None:
    slug = api.create_link()["slug"]
    start, *_ = api.list_slots(slug)
    path = f"/v1/book/{slug}/slots?from={start[:10]}&to={start[:10]}&time_zone=UTC"
    with run_server_process(settings, 10) as (process_id, client), ExitStack() as stack:
        wait_until(lambda: is_healthy(client), "the server answers")
        for _ in range(20):
            assert client.get(path).status_code == 200
        memory_before = read_resident_bytes(process_id)
        port = client.base_url.port
        assert port
        for number in range(CLIENTS):
            begin_request(stack, port, BEGINNINGS[number % len(BEGINNINGS)])
            if number % 30 == 0:
                assert client.get(path).status_code == 200
        assert read_resident_bytes(process_id) - memory_before < MAX_GROWTH_BYTES
        assert client.post(f"/v1/book/{slug}", json={"start": start, "guest": GUEST}).status_code == 201
