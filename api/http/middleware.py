"""Middleware around every request: request id, access log, metrics, HEAD, and security headers."""

import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import metrics, problem_details
from api.http.rate_limit_headers import SCOPE_KEY, RateLimits
from api.logging_setup import log_request

Header = tuple[bytes, bytes]

CODE_PATH_PREFIXES = ("/v1/book", "/v1/manage", "/book", "/s/", "/m/", "/calendar/")
CODE_HEADERS = [(b"referrer-policy", b"no-referrer"), (b"x-robots-tag", b"noindex")]
# the same for everybody: may be kept, as they say themselves
PUBLIC_PATH_PREFIXES = ("/static/", "/favicon.ico", "/time-zones")
NO_STORE = (b"cache-control", b"no-store")  # everything else may hold a code, a key or a personal detail
COMMON_HEADERS = [(b"x-content-type-options", b"nosniff")]
HSTS = (b"strict-transport-security", b"max-age=31536000")  # RFC 6797; a year, for this host alone
INTERNAL_ERROR = "Something went wrong on our side; it has been logged."
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = [
    (b"content-security-policy", PAGE_POLICY),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]


class RequestMiddleware:
    """Pure ASGI middleware, so that streamed responses stay streams. `secure`: people reach the service by https."""

    def __init__(self, app: ASGIApp, secure: bool = False) -> None:
        self.app = app
        self.added_headers = [*COMMON_HEADERS, HSTS] if secure else COMMON_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        responder = Responder(scope, receive, send, self.added_headers)
        try:
            await self.app(responder.scope, receive, responder.send)
        except Exception:
            await responder.send_internal_error()
            raise  # to the server, which logs it
        finally:
            responder.report()


def merge_headers(response_headers: list[Header], added_headers: list[Header]) -> list[Header]:
    """Merge headers; the added ones win. A page gets the pages' policy unless it sets its own."""
    names = {name for name, _ in added_headers}
    merged = [header for header in response_headers if header[0] not in names]
    if any(name == b"content-type" and value.startswith(b"text/html") for name, value in merged):
        present_names = names.union(name for name, _ in merged)
        added_headers = [*added_headers, *(header for header in PAGE_HEADERS if header[0] not in present_names)]
    return [*merged, *added_headers]


class Responder:
    """The response side of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, added_headers: list[Header]) -> None:
        self.request_id = uuid4().hex
        self.method = scope["method"]
        self.limits = RateLimits()
        own_parts = {"request_id": self.request_id, "method": "GET" if self.is_head else self.method}
        self.scope = {**scope, **own_parts, SCOPE_KEY: self.limits}
        self.receive, self.forward = receive, send
        self.status = 500
        self.has_started = False
        self.started_at = time.perf_counter()
        self.headers = [(b"x-request-id", self.request_id.encode()), *added_headers]
        if scope["path"].startswith(CODE_PATH_PREFIXES):
            self.headers += CODE_HEADERS
        if not scope["path"].startswith(PUBLIC_PATH_PREFIXES):
            self.headers.append(NO_STORE)

    @property
    def is_head(self) -> bool:
        """Whether this is HEAD, answered as GET without the body (RFC 9110, 9.3.2)."""
        return bool(self.method == "HEAD")

    async def send(self, message: Message) -> None:
        """Send a message of the response, with the added headers."""
        if message["type"] == "http.response.start":
            self.status, self.has_started = message["status"], True
            headers = [*self.headers, *self.limits.build_headers(self.status)]
            message = {**message, "headers": merge_headers(message["headers"], headers)}
        elif self.is_head:
            message = {**message, "body": b""}
        await self.forward(message)

    async def send_internal_error(self) -> None:
        """Send 500 `internal_error` for an unexpected exception, unless the response has begun."""
        if not self.has_started:
            response = problem_details.build_problem_response(500, "internal_error", INTERNAL_ERROR)
            await response(self.scope, self.receive, self.send)

    def report(self) -> None:
        """Log and count the request by its route template."""
        seconds = time.perf_counter() - self.started_at
        route = getattr(self.scope.get("route"), "path", "unknown path")
        metrics.count_request(self.method, route, self.status, seconds)
        log_request(self.method, route, self.status, seconds * 1000, self.request_id)
