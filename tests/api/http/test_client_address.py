"""Who a request comes from: directly, or through proxies that are trusted or not."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.http.client_address import ForwardedClientMiddleware, TrustedProxies, identify_client

PROXY = "172.18.0.2"


def receive_request(peer: str | None, trusted: str = "127.0.0.1", **headers: str) -> Request:
    """Receive a request from a peer; returns it as the application sees it."""
    seen: list[Request] = []

    async def record_request(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(Request(scope))

    scope: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 40_000) if peer else None,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    middleware = ForwardedClientMiddleware(record_request, TrustedProxies(trusted.split(",")))
    asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]
    [request] = seen
    return request


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded_for", "client"),
    [
        ("203.0.113.9", "127.0.0.1", None, "203.0.113.9"),
        ("::ffff:203.0.113.9", "127.0.0.1", None, "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "127.0.0.1", None, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "127.0.0.1", None, "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "127.0.0.1", None, "fe80::/64"),
        # directly on this machine: nobody
        ("127.0.0.1", "127.0.0.1", None, None),
        ("127.8.0.1", "127.0.0.1", None, None),
        ("::1", "127.0.0.1", None, None),
        ("::ffff:127.0.0.1", "127.0.0.1", None, None),
        ("testclient", "127.0.0.1", None, None),
        (None, "127.0.0.1", None, None),
        # what an untrusted peer says is not believed
        ("203.0.113.9", "127.0.0.1", "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", PROXY, "198.51.100.7", "127.0.0.1"),
        # through a trusted proxy: the last address that is not a proxy's
        ("127.0.0.1", "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:127.0.0.1", "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("127.0.0.1", "127.0.0.1", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("127.0.0.1", "127.0.0.1", "10.0.0.1, 127.0.0.1, 198.51.100.7", "198.51.100.7"),
        (PROXY, "172.16.0.0/12,127.0.0.1", "6.6.6.6, 198.51.100.7, 172.18.0.3, 127.0.0.1", "198.51.100.7"),
        (PROXY, "*", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        # a guest behind the proxy is never taken for the operator
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "unknown", "unknown"),
        ("127.0.0.1", "127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_who_is_counted(peer: str | None, trusted: str, forwarded_for: str | None, client: str | None) -> None:
    headers = {} if forwarded_for is None else {"x_forwarded_for": forwarded_for}
    assert identify_client(receive_request(peer, trusted, **headers)) == client


@pytest.mark.parametrize(
    ("peer", "sent", "scheme"),
    [("127.0.0.1", "https", "https"), ("127.0.0.1", "gopher", "http"), ("203.0.113.9", "https", "http")],
)
def test_the_scheme_is_that_of_a_trusted_proxy(peer: str, sent: str, scheme: str) -> None:
    request = receive_request(peer, x_forwarded_proto=sent)
    assert request.scope["scheme"] == scheme


def test_a_proxy_that_is_not_named_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for peer in ("172.18.0.9", "172.18.0.9", "8.8.8.8"):  # the last is a guest who sends the header
        identify_client(receive_request(peer, x_forwarded_for="198.51.100.7"))
    [record] = caplog.records
    assert "a proxy at 172.18.0.9 that FORWARDED_ALLOW_IPS does not name" in record.getMessage()
