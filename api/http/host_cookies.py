"""Cookies under https: in the browser each has the prefix `__Host-` and is Secure; inside, none has the prefix.

So no other host of the domain, and nobody on the way, can set one (RFC 6265bis, 4.1.3.2).
"""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import Header

OUR_PREFIX = "oncelink_"
HOST_PREFIX = "__Host-"


class HostCookieMiddleware:
    """Pure ASGI middleware that translates the names of our cookies. It is for a service under https only.

    A cookie of ours without the prefix, from before or from another host, is not seen; the browser is told to forget
    it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cookies = list(read_cookies(scope["headers"]))
        old_names = [cookie.partition("=")[0] for cookie in cookies if cookie.startswith(OUR_PREFIX)]
        seen_cookies = "; ".join(to_inner_cookie(cookie) for cookie in cookies if not cookie.startswith(OUR_PREFIX))
        headers = [header for header in scope["headers"] if header[0] != b"cookie"]
        if seen_cookies:
            headers.append((b"cookie", seen_cookies.encode("latin-1")))

        async def send_with_prefix(message: Message) -> None:
            if message["type"] == "http.response.start":
                expired = [
                    (b"set-cookie", f"{name}=; Max-Age=0; Path=/; Secure".encode("latin-1")) for name in old_names
                ]
                message = {**message, "headers": [*map(to_host_cookie, message["headers"]), *expired]}
            await send(message)

        scope["headers"] = headers  # in place: the router adds the route there, by which the request is logged
        await self.app(scope, receive, send_with_prefix)


def read_cookies(headers: Iterable[Header]) -> Iterable[str]:
    """Read the cookies of a request, each as `name=value`."""
    for name, value in headers:
        if name == b"cookie":
            yield from (cookie.strip() for cookie in value.decode("latin-1").split(";"))


def to_inner_cookie(cookie: str) -> str:
    """Convert a request's cookie to the one that the application reads; others stay as they are."""
    is_ours = cookie.startswith(HOST_PREFIX + OUR_PREFIX)
    return cookie.removeprefix(HOST_PREFIX) if is_ours else cookie


def to_host_cookie(header: Header) -> Header:
    """Convert a `Set-Cookie` of ours to one with the prefix and `Secure`; other headers stay as they are."""
    name, value = header
    if name.lower() != b"set-cookie" or not value.startswith(OUR_PREFIX.encode()):
        return header
    secure = b"" if b"; secure" in value.lower() else b"; Secure"
    return name, HOST_PREFIX.encode() + value + secure
