"""Addresses of an OpenID provider: https, or http on this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def validate_provider_url(value: str) -> str:
    """Validate an absolute https URL without a password or fragment; http is for loopback. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or "#" in value:
        raise ValueError("must be a URL such as https://login.example.com, without a password and without #")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
