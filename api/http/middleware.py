"""Around every request: an id, a log line and a measurement by route template, HEAD, and headers under a code."""

import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import metrics
from api.logging_setup import request_line

Header = tuple[bytes, bytes]

UNDER_A_CODE = ("/v1/book", "/v1/manage", "/book", "/s/", "/m/")
CALENDARS = "/calendar/"  # under a code too, and kept by calendars, which ask whether their copy is still good
GUARDED = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
]
ALWAYS = [(b"x-content-type-options", b"nosniff")]
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ON_PAGES = [
    (b"content-security-policy", PAGE_POLICY),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]


class Envelope:
    """ASGI middleware; pure, so that streamed answers stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Answer(scope, send)
        try:
            await self.app(answer.scope, receive, answer.send)
        finally:
            answer.report()


def with_headers(own: list[Header], ours: list[Header]) -> list[Header]:
    """An answer's headers with ours, which win; a page gets the policy of pages unless it has one of its own."""
    names = {name for name, _ in ours}
    kept = [one for one in own if one[0] not in names]
    if any(name == b"content-type" and value.startswith(b"text/html") for name, value in kept):
        said = names.union(name for name, _ in kept)
        ours = [*ours, *(one for one in ON_PAGES if one[0] not in said)]
    return [*kept, *ours]


class Answer:
    """One request on its way out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = uuid4().hex
        self.method = scope["method"]
        self.scope = {**scope, "request_id": self.request_id, "method": "GET" if self.is_head else self.method}
        self.forward = send
        self.status = 500
        self.began = time.perf_counter()
        self.headers = [(b"x-request-id", self.request_id.encode()), *ALWAYS]
        if scope["path"].startswith(UNDER_A_CODE):
            self.headers += GUARDED
        elif scope["path"].startswith(CALENDARS):
            self.headers += GUARDED[1:]

    @property
    def is_head(self) -> bool:
        """Whether only the headers are wanted: answered as GET, without the body (RFC 9110, 9.3.2)."""
        return bool(self.method == "HEAD")

    async def send(self, message: Message) -> None:
        """Passes an answer on, with its headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": with_headers(message["headers"], self.headers)}
        elif self.is_head:
            message = {**message, "body": b""}
        await self.forward(message)

    def report(self) -> None:
        """Logs and counts the request, by the template of its route."""
        seconds = time.perf_counter() - self.began
        route = getattr(self.scope.get("route"), "path", "unknown path")
        metrics.counted(self.method, route, self.status, seconds)
        request_line(self.method, route, self.status, seconds * 1000, self.request_id)
