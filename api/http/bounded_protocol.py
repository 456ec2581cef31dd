"""The HTTP/1.1 protocol of the server, with bounds on heads, on time, on connections and on requests at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.http.problem_details import build_overloaded_response, build_problem_response
from api.settings import Settings

PIECE_BYTES = 4096  # what is parsed at a time, so that no head can grow much beyond its limit before it is counted
MAX_MESSAGE_BYTES = 128 * 1024  # of a body, and of its chunks' heads and trailers; routes refuse over 64 KiB themselves
MAX_DROPPED_BYTES = (
    16 * 1024 * 1024
)  # of a refused body, read to its end so that the connection serves the next request
LINGER_SECONDS = 2.0  # for the client to read why it was refused: closing at once could reset what we wrote

Phase = Literal["idle", "head", "body", "refused"]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The bounds of one server process."""

    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    write_seconds: float = 60.0
    connections: int = 1000
    requests: int = 500

    @classmethod
    def from_settings(cls, settings: Settings) -> "ConnectionLimits":
        """The bounds that an operator set."""
        return cls(
            head_seconds=settings.head_timeout,
            body_seconds=settings.body_timeout,
            connections=settings.max_connections,
            requests=settings.max_requests,
        )


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A refusal is written as problem details where an answer can still be written.

    An answer may take as long as it likes, as server-sent events do; only a client that does not read it is cut off.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = limits
        self.phase: Phase = "idle"
        self.message_number = 0
        self.phase_bytes = 0
        self.body_bytes = 0
        self.waiting_since = self.loop.time()
        self.deadline: asyncio.TimerHandle | None = None
        self.deadline_key: tuple[str, int] | None = None
        self.write_deadline: asyncio.TimerHandle | None = None

    @property
    def is_answering(self) -> bool:
        """Whether a request of this connection is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    # from the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self.limits.connections:
            self.make_room()
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.write_problem(build_overloaded_response())
            transport.close()
            return
        self.set_deadline(self.limits.head_seconds, ("head", 1), self.end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.clear_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, a piece at a time, and stop where a bound is passed."""
        for begin in range(0, len(data), PIECE_BYTES):
            if self.phase == "refused" or self.transport.is_closing():
                return
            self.parse_piece(data[begin : begin + PIECE_BYTES])
        self.update_deadline()

    def parse_piece(self, piece: bytes) -> None:
        """Parse one piece and count it."""
        phase_before = self.phase
        super().data_received(piece)
        if phase_before == self.phase or phase_before == "idle":
            self.phase_bytes += len(piece)
        if self.phase == "head" and self.phase_bytes > self.limits.head_bytes:
            self.refuse_head()
        elif self.phase == "body" and (
            self.phase_bytes > MAX_DROPPED_BYTES or self.phase_bytes - self.body_bytes > MAX_MESSAGE_BYTES
        ):
            self.phase = "refused"  # nothing more is read, and the deadline ends the connection

    def pause_writing(self) -> None:
        super().pause_writing()
        self.write_deadline = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self.write_deadline is not None:
            self.write_deadline.cancel()
            self.write_deadline = None
        super().resume_writing()

    # from the parser

    def on_message_begin(self) -> None:
        if self.phase == "refused":
            return
        self.phase, self.phase_bytes = "head", 0
        self.message_number += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.phase == "refused":
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes:
            self.refuse_head()
            return
        self.phase, self.phase_bytes, self.body_bytes = "body", 0, 0
        is_full = len(self.tasks) >= self.limits.requests
        self.app = refuse_request if is_full else self.config.loaded_app
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a piece to the route, which has refused or will refuse what is dropped here."""
        self.body_bytes += len(body)
        if self.phase != "refused" and self.body_bytes <= MAX_MESSAGE_BYTES:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.phase == "body" and self.body_bytes > MAX_MESSAGE_BYTES and not self.cycle.response_started:
            self.refuse(build_problem_response(413, "body_too_large", "The body is larger than 64 KiB."))
        if self.phase != "refused":
            self.phase, self.phase_bytes = "idle", 0
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.waiting_since = self.loop.time()
        super().on_response_complete()

    # deadlines

    def update_deadline(self) -> None:
        """Set the deadline of what the client has begun to send, or none."""
        if self.phase == "body":
            self.set_deadline(self.limits.body_seconds, ("body", self.message_number), self.end_body)
        elif self.phase == "head":
            self.set_deadline(self.limits.head_seconds, ("head", self.message_number), self.end_head)
        elif self.phase == "idle" and not self.is_answering:
            self.set_deadline(self.limits.head_seconds, ("head", self.message_number + 1), self.end_head)
        elif self.phase == "idle":
            self.clear_deadline()

    def set_deadline(self, seconds: float, key: tuple[str, int], end: Callable[[], None]) -> None:
        """Set a deadline, unless it is set for the same part of the same request: more bytes do not move it."""
        if key != self.deadline_key:
            self.clear_deadline()
            self.deadline, self.deadline_key = self.loop.call_later(seconds, end), key

    def clear_deadline(self) -> None:
        """Clear the deadline."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = self.deadline_key = None

    def end_head(self) -> None:
        """End a connection whose next head did not come in time."""
        if self.is_answering:
            self.cycle.keep_alive = False  # the answer before is still on its way: close after it
        elif self.phase == "idle":
            self.transport.close()
        else:
            self.refuse(build_problem_response(408, "request_timeout", "The head of the request did not come in time."))

    def end_body(self) -> None:
        """End a connection whose body did not come in time."""
        if self.is_answering and not self.cycle.response_started:
            self.refuse(build_problem_response(408, "request_timeout", "The body of the request did not come in time."))
        else:
            self.transport.close()

    # refusals

    def refuse_head(self) -> None:
        """Refuse a head that is too large (RFC 6585, 5)."""
        detail = f"The head of a request has at most {self.limits.head_bytes // 1024} KiB."
        self.refuse(build_problem_response(431, "head_too_large", detail))

    def refuse(self, response: JSONResponse) -> None:
        """Write a refusal, read nothing more, and close soon."""
        is_answered_otherwise = self.is_answering and (self.phase != "body" or self.cycle.response_started)
        self.phase = "refused"
        self.clear_deadline()
        if is_answered_otherwise or self.transport.is_closing():
            self.transport.close()
            return
        self.write_problem(response)
        if self.cycle is not None:
            self.cycle.disconnected = True  # what the route may still answer goes nowhere
            self.cycle.message_event.set()
        self.flow.pause_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.deadline = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP. Called by the parser's loop."""
        if self.phase != "refused":
            self.refuse(build_problem_response(400, "bad_request", msg))

    def write_problem(self, response: JSONResponse) -> None:
        """Write a whole response that ends the connection."""
        lines = [f"HTTP/1.1 {response.status_code} ".encode()]
        lines += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)]))

    def make_room(self) -> None:
        """Close the connection that has waited longest for a whole head, if any: slow clients keep nobody out."""
        waiting = [
            connection
            for connection in cast("set[BoundedProtocol]", self.connections)
            if connection.phase in ("idle", "head") and not connection.is_answering
        ]
        if waiting:
            oldest = min(waiting, key=lambda connection: connection.waiting_since)
            self.connections.discard(oldest)  # at once: the transport says so only later
            oldest.clear_deadline()
            oldest.transport.abort()


def build_protocol_factory(settings: Settings) -> Any:
    """Build what uvicorn makes its connections with. It can be sent to worker processes."""
    return partial(BoundedProtocol, ConnectionLimits.from_settings(settings))


async def refuse_request(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that is too many."""
    response = build_overloaded_response()
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
