"""A load of HTTP requests over so many connections, at full speed or at a rate: answers counted, each one timed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

CONNECTIONS = 32

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Post:
    """A request to be sent."""

    path: str
    body: Any
    key: str = ""

    def as_bytes(self) -> bytes:
        """The request as it goes over the wire."""
        body = json.dumps(self.body).encode()
        key = f"Idempotency-Key: {self.key}\r\n" if self.key else ""
        about = f"Host: b\r\nContent-Type: application/json\r\n{key}Content-Length: {len(body)}"
        return f"POST {self.path} HTTP/1.1\r\n{about}\r\n\r\n".encode() + body


@dataclass
class Measured:
    """What a load was answered: statuses, seconds of each request from when it was due, and all the seconds it took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    took: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return len(self.seconds) / self.took

    def quantile(self, share: float) -> float:
        """The seconds within which a share of the requests was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def load(port: int, posts: Sequence[Post], rate: float | None = None, connections: int = CONNECTIONS) -> Measured:
    """Sends all requests, each connection one after the other; with a rate, each when it is due (open loop)."""
    prepared = [post.as_bytes() for post in posts]
    return asyncio.run(_load(port, prepared, rate, connections))


async def _load(port: int, requests: list[bytes], rate: float | None, connections: int) -> Measured:
    measured = Measured()
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    began = time.perf_counter()
    numbered = iter(enumerate(requests))
    await asyncio.gather(*(_talk(line, numbered, measured, began, rate) for line in lines))
    measured.took = time.perf_counter() - began
    for _, writer in lines:
        writer.close()
    return measured


async def exchange(line: Line, request: bytes) -> tuple[int, bytes]:
    """Sends a request and reads its answer: the status and the body. A client that takes little from the server."""
    reader, writer = line
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    return int(head[9:12]), await reader.readexactly(length)


async def _talk(
    line: Line, numbered: Iterator[tuple[int, bytes]], measured: Measured, began: float, rate: float | None
) -> None:
    for number, request in numbered:
        due = time.perf_counter()
        if rate is not None:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        status, _ = await exchange(line, request)
        measured.statuses[status] += 1
        measured.seconds.append(time.perf_counter() - due)
