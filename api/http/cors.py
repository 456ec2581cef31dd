"""CORS for the configured Chrome extensions: exact origins, on the routes they need, and nothing else."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.api_key_scopes import EXTENSION, OPERATIONS, PAIRING_PATH

METHODS: dict[str, list[str]] = {}
for _method, _path in sorted({*OPERATIONS[EXTENSION], ("POST", PAIRING_PATH)}):
    METHODS.setdefault(_path, []).append(_method)
ROUTES = [(compile_path(path)[0], ", ".join(methods)) for path, methods in METHODS.items()]
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, Oncelink-Min-Position"
EXPOSED_HEADERS = (
    "Oncelink-Position, Idempotent-Replayed, Retry-After, RateLimit, RateLimit-Policy, Deprecation, Sunset, Link"
)


class CorsMiddleware:
    """ASGI middleware that answers preflights and lets allowed origins read responses. Cookies are never allowed."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = find_methods(scope["path"]) if scope["type"] == "http" else None
        if methods is None:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if origin not in self.origins:
            await self.app(scope, receive, add_cors_headers(send))
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await answer_preflight(origin, methods, send)
        else:
            await self.app(scope, receive, add_cors_headers(send, origin))


def find_methods(path: str) -> str | None:
    """Find the methods that an extension may use on a path; None when it needs none there."""
    return next((methods for route, methods in ROUTES if route.match(path)), None)


def add_cors_headers(send: Send, allowed: str | None = None) -> Send:
    """Wrap `send` to add `Vary: Origin` and, for an allowed origin, the CORS headers."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Origin")
            if allowed:
                headers["Access-Control-Allow-Origin"] = allowed
                headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        await send(message)

    return send_with_headers


async def answer_preflight(origin: str, methods: str, send: Send) -> None:
    """Answer a preflight request."""
    fields = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": methods,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
