"""Connections with a deadline that lead only where they may: a name is resolved once, and that address is used."""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from ssl import SSLContext
from threading import Thread
from typing import Any

import httpcore2
from httpx2 import HTTPTransport

from integrations.calendars.addresses import Address, Network, is_allowed, is_inside
from integrations.calendars.errors import CalendarError, HostNotFound, PrivateAddress, TooSlow

Resolve = Callable[[str, int, float], Sequence[str]]
MAX_ADDRESSES = 4
CONNECT_SECONDS = 5.0


def resolve_host(host: str, port: int, seconds: float) -> list[str]:
    """Resolve a host name to addresses. Raises HostNotFound, TooSlow."""
    addresses: list[str] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        addresses.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = Thread(target=look_up, name="resolving", daemon=True)  # getaddrinfo has no time limit
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TooSlow
    if not addresses:
        raise HostNotFound
    return addresses


class Deadline:
    """The instant by which a whole exchange must end."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def get_remaining_seconds(self) -> float:
        """Get the seconds left. Raises TooSlow when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TooSlow
        return seconds


class TimedStream(httpcore2.NetworkStream):
    """A connection whose every step ends by the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.get_remaining_seconds())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.get_remaining_seconds())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return TimedStream(
            self.stream.start_tls(ssl_context, server_hostname, self.deadline.get_remaining_seconds()), self.deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects to public addresses, and to those of the allowed networks; with `outside_error` to the latter alone."""

    def __init__(
        self,
        allowed: Sequence[Network],
        deadline: Deadline,
        resolve: Resolve,
        outside_error: type[CalendarError] | None = None,
    ) -> None:
        self.allowed = allowed
        self.deadline = deadline
        self.resolve = resolve
        self.outside_error = outside_error
        self.backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to one of the addresses that the name has at this moment.

        Raises HostNotFound, PrivateAddress, TooSlow, `outside_error`, and what httpcore2 raises.
        """
        addresses = self.check_addresses(self.resolve(host, port, self.deadline.get_remaining_seconds()))
        for address in addresses[:-1]:
            try:
                return self.connect_address(address, port, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self.connect_address(addresses[-1], port, socket_options)

    def check_addresses(self, texts: Sequence[str]) -> list[Address]:
        """Check that every address is allowed; one forbidden address refuses the name."""
        addresses = [ip_address(text) for text in texts]
        if not all(is_allowed(address, self.allowed) for address in addresses):
            raise PrivateAddress
        if self.outside_error and not all(is_inside(address, self.allowed) for address in addresses):
            raise self.outside_error
        return addresses[:MAX_ADDRESSES]

    def connect_address(self, address: Address, port: int, options: Iterable[Any] | None) -> httpcore2.NetworkStream:
        """Connect to this very address."""
        seconds = min(CONNECT_SECONDS, self.deadline.get_remaining_seconds())
        return TimedStream(self.backend.connect_tcp(str(address), port, seconds, None, options), self.deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Refuse: no calendar is reached over a Unix socket. Raises PrivateAddress."""
        raise PrivateAddress


class GuardedTransport(HTTPTransport):
    """httpx2's transport over guarded connections, each used for one exchange."""

    def __init__(self, ssl_context: SSLContext, backend: GuardedBackend) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(ssl_context=ssl_context, network_backend=backend, http1=True, http2=False)
