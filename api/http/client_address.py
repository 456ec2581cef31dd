"""Who a request comes from: the address of the connection, or the one that a trusted proxy names."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

ANY_PEER = "*"
NETWORK_BITS = 64  # an IPv6 subscriber has a whole /64, or more (RFC 6177)
LOOPBACK = IPv4Address("127.0.0.1")
FORWARDING_HEADERS = ("x-forwarded-for", "forwarded")
OTHER_PROXY_HEADERS = ("x-forwarded-proto", "x-forwarded-host", "x-real-ip", "via")  # they come from a proxy too

Address = IPv4Address | IPv6Address

log = logging.getLogger("oncelink")


class TrustedProxies:
    """The proxies whose headers are believed: addresses and networks, or `*` for whoever connects."""

    def __init__(self, addresses: list[str]) -> None:
        """Raises ValueError for an item that is neither an address nor a network."""
        self.trusts_any_peer = ANY_PEER in addresses
        self.networks = [ip_network(address) for address in addresses if address != ANY_PEER]

    def is_proxy(self, host: str) -> bool:
        """Whether an address is that of a proxy."""
        address = parse_address(host)
        return address is not None and any(address in network for network in self.networks)

    def is_trusted_peer(self, host: str) -> bool:
        """Whether the headers of a connection from this address are believed."""
        return self.trusts_any_peer or self.is_proxy(host)

    def find_client(self, forwarded_for: str) -> str:
        """Find the client in `X-Forwarded-For`: the last address that is not a proxy's; the first one if all are.

        Every proxy appends the address that it sees. What stands before the last such address was sent by the client.
        """
        hosts = [host.strip() for host in forwarded_for.split(",")]
        return next((host for host in reversed(hosts) if not self.is_proxy(host)), hosts[0])


class ForwardedClientMiddleware:
    """Pure ASGI middleware: a request through a trusted proxy gets the client and the scheme that the proxy names."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.proxies.is_trusted_peer((scope.get("client") or ("", 0))[0]):
            scope = {**scope, **self.read_headers(scope)}
        await self.app(scope, receive, send)

    def read_headers(self, scope: Scope) -> dict[str, Any]:
        """Read what a trusted proxy says of the client, as parts of the ASGI scope."""
        headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
        schemes = [value.strip() for name, value in headers if name == b"x-forwarded-proto"]
        forwarded_for = ", ".join(value for name, value in headers if name == b"x-forwarded-for")
        parts: dict[str, Any] = {"scheme": schemes[-1]} if schemes and schemes[-1] in ("http", "https") else {}
        if client := self.proxies.find_client(forwarded_for):
            parts |= {"client": (client, 0), "forwarded": True}
        return parts


def identify_client(request: Request) -> str | None:
    """Identify the client whose requests are counted together: an IPv4 address, or the /64 of an IPv6 address.

    None for whoever connects directly on this machine: an operator, a test, the demo. A proxy on this machine is told
    by its header, so that a proxy that is not trusted counts as one client, instead of counting nobody.
    """
    host = request.client.host if request.client else ""
    address, is_trusted = parse_address(host), request.scope.get("forwarded", False)
    is_forwarded = is_trusted or any(name in request.headers for name in FORWARDING_HEADERS)
    if is_forwarded and not is_trusted and address is not None and address.is_private:
        warn_of_unnamed_proxy(str(address))
    if not is_forwarded and (address is None or address.is_loopback):
        return None
    if isinstance(address, IPv6Address):
        return str(ip_network((address, NETWORK_BITS), strict=False))
    return str(address) if address else host[:100]


def is_from_networks(request: Request, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether a client is in one of these networks.

    Who comes through a trusted proxy is judged by the address that it names. A proxy's header from anybody else is not
    believed, and says that the address of the connection is not the client's: then the client is nowhere.
    """
    host = request.client.host if request.client else ""
    is_forwarded = request.scope.get("forwarded", False)
    if not is_forwarded and any(name in request.headers for name in (*FORWARDING_HEADERS, *OTHER_PROXY_HEADERS)):
        return False
    address = parse_address(host) or (None if is_forwarded else LOOPBACK)  # a connection without an address is local
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=16)
def warn_of_unnamed_proxy(address: str) -> None:
    """Warn, once for each address, that the guests behind a proxy share one quota."""
    log.warning(
        "Requests come through a proxy at %s that FORWARDED_ALLOW_IPS does not name: all of its guests count as one.",
        address,
    )


def parse_address(host: str) -> Address | None:
    """Parse an address, with or without a port; an IPv4-mapped one to IPv4. None for what is not an address."""
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
