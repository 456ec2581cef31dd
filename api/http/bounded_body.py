"""Request bodies of a bounded size: read once, refused as soon as they are too large."""

from fastapi import Request
from starlette.types import Message, Receive

MAX_BYTES = 64 * 1024


async def read_body_within_limit(request: Request, limit: int = MAX_BYTES) -> Receive | None:
    """Read the body; return a `receive` that gives it to another request, or None when it exceeds the limit in bytes.

    Raises ClientDisconnect.
    """
    if parse_int_or_zero(request.headers.get("content-length")) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return replay_body(b"".join(chunks), request.receive)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives this body first, and then what `receive` gives."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def parse_int_or_zero(value: str | None) -> int:
    """Parse a header's number; 0 when it is not one."""
    return int(value[:18]) if value is not None and value.isascii() and value.isdigit() else 0
