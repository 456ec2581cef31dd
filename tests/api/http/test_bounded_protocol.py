"""The server's bounds on heads, time, connections and requests, against a real server on a small application."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.bounded_protocol import MAX_MESSAGE_BYTES, BoundedProtocol, ConnectionLimits
from tests.waiting import wait_until

TIMEOUT_SECONDS = 20
LIMITS = ConnectionLimits(head_seconds=30, body_seconds=30)
HURRIED = ConnectionLimits(head_seconds=0.3, body_seconds=0.3)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class SmallApp:
    """Echoes bodies, streams events until told to end, and counts what it saw."""

    def __init__(self) -> None:
        self.disconnected_count = 0
        self.streaming_count = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.end: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self.loop, self.end = asyncio.get_running_loop(), asyncio.Event()
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        request = Request(scope, receive)
        if scope["path"] == "/events":
            await StreamingResponse(self.stream_events())(scope, receive, send)
            return
        if scope["path"] == "/large":
            await PlainTextResponse(b"a" * 50_000_000)(scope, receive, send)
            return
        try:
            body = await request.body() if scope["method"] == "POST" else b"hello"
        except ClientDisconnect:
            self.disconnected_count += 1
            return
        await PlainTextResponse(body)(scope, receive, send)

    async def stream_events(self) -> Any:
        """One event at once, one at the end."""
        assert self.end
        self.streaming_count += 1
        yield "data: first\n\n"
        await self.end.wait()
        yield "data: last\n\n"

    def end_streams(self) -> None:
        """Let all streams end."""
        assert self.loop
        assert self.end
        self.loop.call_soon_threadsafe(self.end.set)


@contextmanager
def run_app(limits: ConnectionLimits) -> Iterator[tuple[int, SmallApp]]:
    """Run the small application with these limits. Yield its port."""
    app = SmallApp()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http: Any = partial(BoundedProtocol, limits)
        server = uvicorn.Server(uvicorn.Config(app, http=http, access_log=False, log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_until(lambda: server.started, "the server answers")
            yield listener.getsockname()[1], app
        finally:
            app.end_streams()
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def patient() -> Iterator[tuple[int, SmallApp]]:
    """A server whose deadlines do not pass during a test."""
    with run_app(LIMITS) as port_and_app:
        yield port_and_app


@pytest.fixture(scope="module")
def hurried() -> Iterator[tuple[int, SmallApp]]:
    """A server whose deadlines pass soon."""
    with run_app(HURRIED) as port_and_app:
        yield port_and_app


def connect(port: int) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection, or resets it."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def read_until(connection: socket.socket, end: bytes) -> None:
    """Read until these bytes have come."""
    received = b""
    while end not in received:
        data = connection.recv(65536)
        assert data, received
        received += data


def exchange(port: int, request: bytes) -> bytes:
    """Send bytes on a new connection, and read until the server closes it."""
    with connect(port) as connection:
        with suppress(ConnectionResetError, BrokenPipeError):  # it may be closed while we still send
            connection.sendall(request)
        return read_to_end(connection)


def read_problem(response: bytes) -> tuple[int, str]:
    """Return the status and the code of problem details."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    problem = json.loads(body)
    assert problem["status"] == int(head[9:12])
    return problem["status"], problem["code"]


def build_head(size: int, *lines: bytes) -> bytes:
    """A head of about this many bytes, in one header."""
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", b"Connection: close", *lines, b"X: " + b"a" * size, b"", b""])


class TestHeads:
    def test_a_head_may_have_32_kib(self, patient: tuple[int, SmallApp]) -> None:
        assert exchange(patient[0], build_head(32 * 1024 - 100)).endswith(b"hello")

    @pytest.mark.parametrize(
        "head",
        [
            build_head(33 * 1024),
            b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
            b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(50_000)),
            b"GET /" + b"a" * 100_000,
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"b" * 100_000,
        ],
        ids=["whole", "one header", "many headers", "path", "name"],
    )
    def test_not_more(self, patient: tuple[int, SmallApp], head: bytes) -> None:
        assert read_problem(exchange(patient[0], head)) == (431, "head_too_large")

    def test_not_even_a_second_one(self, patient: tuple[int, SmallApp]) -> None:
        with connect(patient[0]) as connection:
            connection.sendall(GET)
            assert b"hello" in connection.recv(65536)
            connection.sendall(build_head(100_000))
            assert read_problem(read_to_end(connection)) == (431, "head_too_large")

    def test_what_is_no_http_is_a_problem_too(self, patient: tuple[int, SmallApp]) -> None:
        assert read_problem(exchange(patient[0], b"\x16\x03\x01 hello\r\n\r\n")) == (400, "bad_request")

    def test_a_body_with_its_trailers_is_cut_off(self, patient: tuple[int, SmallApp]) -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: "
        with connect(patient[0]) as connection:
            connection.sendall(head + b"a" * (4 * MAX_MESSAGE_BYTES))
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection) == b""

    def test_a_large_body_that_a_route_leaves_unread_costs_no_later_request(
        self, patient: tuple[int, SmallApp]
    ) -> None:
        size = 4 * MAX_MESSAGE_BYTES
        head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        with connect(patient[0]) as connection:
            connection.sendall(head + b"a" * size + GET.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))
            assert read_to_end(connection).count(b"HTTP/1.1 200 OK") == 2

    def test_no_route_takes_a_part_of_a_body_for_all_of_it(self, patient: tuple[int, SmallApp]) -> None:
        size = 4 * MAX_MESSAGE_BYTES
        with connect(patient[0]) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"a" * size)
            assert read_to_end(connection).startswith(b"HTTP/1.1 413 ")


class TestDeadlines:
    def test_silence_is_closed(self, hurried: tuple[int, SmallApp]) -> None:
        assert exchange(hurried[0], b"") == b""

    @pytest.mark.parametrize("beginning", [b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"G"])
    def test_a_head_that_never_ends(self, hurried: tuple[int, SmallApp], beginning: bytes) -> None:
        assert read_problem(exchange(hurried[0], beginning)) == (408, "request_timeout")

    @pytest.mark.parametrize("drip", [b"\r\n", b"a"])
    def test_more_bytes_give_no_more_time(self, hurried: tuple[int, SmallApp], drip: bytes) -> None:
        with connect(hurried[0]) as connection:
            connection.sendall(GET + (b"" if drip == b"\r\n" else b"GET / HTTP/1.1\r\nX: "))
            connection.settimeout(0.05)
            is_closed = False

            def is_closed_after_another_drip() -> bool:
                nonlocal is_closed
                try:
                    connection.sendall(drip)
                    is_closed = not connection.recv(65536)
                except TimeoutError:
                    pass
                except OSError:
                    is_closed = True
                return is_closed

            wait_until(is_closed_after_another_drip, "the connection is closed in spite of the drip")

    def test_a_body_that_never_comes(self, hurried: tuple[int, SmallApp]) -> None:
        port, app = hurried
        count = app.disconnected_count
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this"
        assert read_problem(exchange(port, request)) == (408, "request_timeout")
        wait_until(lambda: app.disconnected_count == count + 1, "the application does not wait for it either")

    def test_requests_one_after_the_other_each_have_their_own(self, hurried: tuple[int, SmallApp]) -> None:
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        with connect(hurried[0]) as connection:
            for _ in range(20):
                connection.sendall(post[:-2])
                connection.sendall(post[-2:])
                read_until(connection, b"body")

    def test_an_answer_may_take_longer(self, hurried: tuple[int, SmallApp]) -> None:
        port, app = hurried
        with connect(port) as stream, connect(port) as silent:
            stream.sendall(GET.replace(b"/ ", b"/events ", 1))
            read_until(stream, b"first")
            for _ in range(3):  # so that its deadlines would have passed
                with connect(port) as another_silent:
                    assert read_to_end(another_silent) == b""
            assert read_to_end(silent) == b""
            app.end_streams()
            read_until(stream, b"last")

    def test_a_client_that_reads_nothing_is_cut_off(self) -> None:
        with run_app(replace(LIMITS, write_seconds=0.3)) as (port, _), connect(port) as connection:
            connection.sendall(GET.replace(b"/ ", b"/large ", 1))

            def is_reset() -> bool:
                try:
                    connection.sendall(b"\r\n")
                except OSError:
                    return True
                return False

            wait_until(is_reset, "the connection is reset")


class TestNumbers:
    def test_connections_are_bounded_and_the_slowest_makes_room(self) -> None:
        with run_app(replace(LIMITS, connections=10)) as (port, _), ExitStack() as stack:
            slow = [stack.enter_context(connect(port)) for _ in range(30)]
            for connection in slow[-10:]:
                connection.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(5):
                assert exchange(port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).endswith(b"hello")
            assert read_to_end(slow[0]) == b""

    def test_connections_that_are_answered_are_kept(self) -> None:
        with run_app(replace(LIMITS, connections=3)) as (port, app), ExitStack() as stack:
            streams = [stack.enter_context(connect(port)) for _ in range(3)]
            for stream in streams:
                stream.sendall(GET.replace(b"/ ", b"/events ", 1))
                assert b"200 OK" in stream.recv(65536)
            assert read_problem(exchange(port, b"")) == (503, "overloaded")
            app.end_streams()
            for stream in streams:
                read_until(stream, b"last")

    def test_requests_are_bounded(self) -> None:
        with run_app(replace(LIMITS, requests=2)) as (port, app), ExitStack() as stack:
            for _ in range(2):
                stream = stack.enter_context(connect(port))
                stream.sendall(GET.replace(b"/ ", b"/events ", 1))
                assert b"200 OK" in stream.recv(65536)
            response = exchange(port, GET)
            assert read_problem(response) == (503, "overloaded")
            assert b"retry-after: 1" in response.lower()
            app.end_streams()
            wait_until(lambda: exchange(port, build_head(1)).endswith(b"hello"), "there is room again")
