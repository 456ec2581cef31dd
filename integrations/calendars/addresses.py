"""Which addresses a calendar may be read from: public ones, and networks that the operator allows."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from httpx2 import URL, InvalidURL

from integrations.calendars.errors import InvalidUrl, LoginInAddress, PrivateAddress, WrongPort, WrongScheme

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries (RFC 6890), multicast, and addresses that clouds answer themselves
RESERVED_NETWORKS: Sequence[Network] = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
UNICAST = ip_network("2000::/3")  # no other IPv6 address is public: mapped, NAT64, unique local, link-local, multicast
SAFE_PORTS = (80, 443)
FIRST_FREE_PORT, LAST_PORT = 1024, 65_535
WEBCAL_SCHEMES = {"webcal": "https", "webcals": "https"}
MAX_URL_LENGTH = 2000


def validate_url(text: str, allowed: Iterable[Network] = ()) -> URL:
    """Parse a calendar's URL, as far as its text can be judged.

    Raises InvalidUrl, WrongScheme, LoginInAddress, WrongPort, PrivateAddress.
    """
    if not text.isprintable() or re.search(r"[\s\\<>\"{}|^`]", text) or len(text) > MAX_URL_LENGTH:
        raise InvalidUrl
    scheme, colon, rest = text.partition(":")
    scheme = WEBCAL_SCHEMES.get(scheme.lower(), scheme.lower())
    if scheme not in ("http", "https") or not rest.startswith("//"):
        raise WrongScheme if colon else InvalidUrl
    try:
        url = URL(scheme + colon + rest).copy_with(fragment=None)
    except (InvalidURL, UnicodeError, ValueError):
        raise InvalidUrl from None
    if url.userinfo or "@" in url.netloc.decode("ascii", "replace"):
        raise LoginInAddress
    if not url.host:
        raise InvalidUrl
    if url.port is not None and url.port not in SAFE_PORTS and not FIRST_FREE_PORT <= url.port <= LAST_PORT:
        raise WrongPort
    refuse_inside_literal(url.host, allowed)
    return url


def refuse_inside_literal(host: str, allowed: Iterable[Network]) -> None:
    """Refuse a literal address that is not allowed; a host name passes. Raises PrivateAddress."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return
    if not is_allowed(address, allowed):
        raise PrivateAddress


def is_allowed(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether connecting to this address is allowed."""
    return is_public(address) or is_inside(address, allowed)


def is_inside(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    if isinstance(address, IPv6Address) and address.scope_id:
        return False
    return any(address.version == network.version and address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether an address is globally reachable."""
    if isinstance(address, IPv6Address) and (address.scope_id or address not in UNICAST):
        return False
    return address.is_global and not is_inside(address, RESERVED_NETWORKS)
