"""CORS: the Chrome extensions of the setting, by exact origin, on the routes that they need; nobody else."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.api_key_scopes import EXTENSION, OPERATIONS, PAIRING_PATH

METHODS: dict[str, list[str]] = {}
for _method, _path in sorted({*OPERATIONS[EXTENSION], ("POST", PAIRING_PATH)}):
    METHODS.setdefault(_path, []).append(_method)
ROUTES = [(compile_path(path)[0], ", ".join(methods)) for path, methods in METHODS.items()]
MAY_SEND = "Authorization, Content-Type, Idempotency-Key, Oncelink-Min-Position"
MAY_READ = "Oncelink-Position, Idempotent-Replayed, Retry-After"


class CrossOrigin:
    """ASGI middleware: answers preflights, and lets allowed origins read answers. No cookie is ever allowed."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = methods_of(scope["path"]) if scope["type"] == "http" else None
        if methods is None:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if origin not in self.origins:
            await self.app(scope, receive, varying(send))
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await preflight(origin, methods, send)
        else:
            await self.app(scope, receive, varying(send, origin))


def methods_of(path: str) -> str | None:
    """The methods that an extension may use on a path, if it needs it at all."""
    return next((methods for route, methods in ROUTES if route.match(path)), None)


def varying(send: Send, allowed: str | None = None) -> Send:
    """Sends answers that say that they depend on the origin, and which origin may read them."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Origin")
            if allowed:
                headers["Access-Control-Allow-Origin"] = allowed
                headers["Access-Control-Expose-Headers"] = MAY_READ
        await send(message)

    return send_on


async def preflight(origin: str, methods: str, send: Send) -> None:
    """The answer to a browser that asks before it sends."""
    said = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": methods,
        "access-control-allow-headers": MAY_SEND,
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    headers = [(name.encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
