"""Send HTTP requests over several connections, at full speed or at a rate. Count the responses and time each one."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

CONNECTIONS = 32

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class PostRequest:
    """A POST request."""

    path: str
    body: Any
    key: str = ""

    def to_bytes(self) -> bytes:
        """The request as it goes over the wire."""
        body = json.dumps(self.body).encode()
        key = f"Idempotency-Key: {self.key}\r\n" if self.key else ""
        headers = f"Host: b\r\nContent-Type: application/json\r\n{key}Content-Length: {len(body)}"
        return f"POST {self.path} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body


@dataclass
class LoadResult:
    """The responses to a load: statuses, seconds of each request from when it was due, and the total duration."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    duration: float = 0.0

    @property
    def requests_per_second(self) -> float:
        """Requests answered in a second."""
        return len(self.seconds) / self.duration

    def compute_quantile(self, share: float) -> float:
        """Compute the seconds within which a share of the requests was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run_load(
    port: int, requests: Sequence[PostRequest], rate: float | None = None, connections: int = CONNECTIONS
) -> LoadResult:
    """Send all requests, on each connection one after the other. With a rate, send each when it is due (open loop)."""
    encoded = [request.to_bytes() for request in requests]
    return asyncio.run(_run_load(port, encoded, rate, connections))


async def _run_load(port: int, requests: list[bytes], rate: float | None, connections: int) -> LoadResult:
    result = LoadResult()
    open_connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    started_at = time.perf_counter()
    numbered = iter(enumerate(requests))
    await asyncio.gather(
        *(_send_requests(connection, numbered, result, started_at, rate) for connection in open_connections)
    )
    result.duration = time.perf_counter() - started_at
    for _, writer in open_connections:
        writer.close()
    return result


async def send_request(connection: Connection, request: bytes) -> tuple[int, bytes]:
    """Send a request and read its response. Return the status and the body."""
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    return int(head[9:12]), await reader.readexactly(length)


async def _send_requests(
    connection: Connection,
    numbered: Iterator[tuple[int, bytes]],
    result: LoadResult,
    started_at: float,
    rate: float | None,
) -> None:
    for number, request in numbered:
        due = time.perf_counter()
        if rate is not None:
            due = started_at + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        status, _ = await send_request(connection, request)
        result.statuses[status] += 1
        result.seconds.append(time.perf_counter() - due)
