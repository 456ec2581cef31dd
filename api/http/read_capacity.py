"""How many GET requests are worked on at a time, so that looking never takes what a booking needs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem_details import build_overloaded_response

GUEST_PATH_PREFIXES = ("/v1/book", "/v1/manage", "/book", "/s/", "/m/")
LIVENESS_PATH = "/healthz"  # takes neither thread nor connection
MAX_WAITING = 200  # requests; more would wait longer than anybody waits for a page
MAX_DOWNLOADS = 1  # that read at the same instant


class ReadCapacity:
    """Limits of one process, within its threads and database connections, of which it has as many of each.

    All GET requests together get at most seven tenths of them, those of guests half of that: the rest is for writes.
    """

    def __init__(self, size: int) -> None:
        reads = max(1, size - max(2, size * 3 // 10))
        self.reads = CapacityLimiter(reads)
        self.guest_reads = CapacityLimiter(max(1, reads // 2))
        self.downloads = CapacityLimiter(MAX_DOWNLOADS)


class ReadSlot:
    """The place of one GET request within the capacity; it is given back once the response begins."""

    def __init__(self, limiters: tuple[CapacityLimiter, ...]) -> None:
        self.limiters = limiters
        self.is_held = False

    @property
    def is_overcrowded(self) -> bool:
        """Whether too many others wait already."""
        return self.limiters[0].statistics().tasks_waiting >= MAX_WAITING

    async def acquire(self) -> None:
        """Wait until it is this request's turn."""
        for index, limiter in enumerate(self.limiters):
            try:
                await limiter.acquire_on_behalf_of(self)
            except BaseException:
                for acquired in self.limiters[:index]:
                    acquired.release_on_behalf_of(self)
                raise
        self.is_held = True

    def release(self) -> None:
        """Give the place back; does nothing when it was."""
        if self.is_held:
            self.is_held = False
            for limiter in self.limiters:
                limiter.release_on_behalf_of(self)


class ReadCapacityMiddleware:
    """ASGI middleware that lets GET requests wait for their turn. An endless stream holds no place."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        self.app = app
        self.size = size
        self.capacity: ReadCapacity | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"] == LIVENESS_PATH:
            await self.app(scope, receive, send)
            return
        self.capacity = self.capacity or ReadCapacity(self.size)  # in the event loop, which a limiter belongs to
        is_guest = scope["path"].startswith(GUEST_PATH_PREFIXES)
        limiters = (self.capacity.guest_reads, self.capacity.reads) if is_guest else (self.capacity.reads,)
        slot = ReadSlot(limiters)
        if slot.is_overcrowded:
            await build_overloaded_response()(scope, receive, send)
            return

        async def send_and_release(message: Message) -> None:
            slot.release()
            await send(message)

        await slot.acquire()
        try:
            # in place: the router adds the route there, by which the request is logged and counted
            scope.update(read_slot=slot, read_capacity=self.capacity)
            await self.app(scope, receive, send_and_release)
        finally:
            slot.release()


@asynccontextmanager
async def leave_read_slot(request: Request) -> AsyncIterator[None]:
    """Let others read while this request only waits."""
    slot = cast(ReadSlot | None, request.scope.get("read_slot"))
    if slot is None:
        yield
        return
    slot.release()
    yield
    await slot.acquire()


async def iterate_download(request: Request, chunks: Iterator[str]) -> AsyncIterator[str]:
    """Iterate over the chunks of a download; reads them in a thread, within the downloads' own limit."""
    capacity = cast(ReadCapacity, request.scope["read_capacity"])
    while (chunk := await to_thread.run_sync(next, chunks, None, limiter=capacity.downloads)) is not None:
        yield chunk
