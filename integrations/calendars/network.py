"""Connections that end in time and lead only where they may: a name is resolved once, and that address connected to."""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from ssl import SSLContext
from threading import Thread
from typing import Any

import httpcore2
from httpx2 import HTTPTransport

from integrations.calendars.addresses import Address, Network, is_inside, may_connect
from integrations.calendars.errors import InsideAddress, NoSuchHost, PasswordInTheClear, TooSlow

Resolve = Callable[[str, int, float], Sequence[str]]
MOST_ADDRESSES = 4
CONNECT_SECONDS = 5.0


def resolved(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name, as the system finds them. Raises NoSuchHost, TooSlow."""
    found: list[str] = []

    def look() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    looking = Thread(target=look, name="resolving", daemon=True)  # the system's look-up knows no time limit
    looking.start()
    looking.join(seconds)
    if looking.is_alive():
        raise TooSlow
    if not found:
        raise NoSuchHost
    return found


class Deadline:
    """An instant by which everything is over."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds left. Raises TooSlow when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TooSlow
        return seconds


class TimedStream(httpcore2.NetworkStream):
    """A connection of which every step, and so the sum of all, ends by the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return TimedStream(self.stream.start_tls(ssl_context, server_hostname, self.deadline.left()), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects to public addresses, and to those of the allowed networks; `only_inside` to the latter alone."""

    def __init__(
        self, allowed: Sequence[Network], deadline: Deadline, resolve: Resolve, only_inside: bool = False
    ) -> None:
        self.allowed = allowed
        self.deadline = deadline
        self.resolve = resolve
        self.only_inside = only_inside
        self.plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to one of the addresses that the name has at this moment.

        Raises NoSuchHost, InsideAddress, PasswordInTheClear, TooSlow, and what the plain backend raises.
        """
        addresses = self.checked(self.resolve(host, port, self.deadline.left()))
        for address in addresses[:-1]:
            try:
                return self.connected(address, port, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self.connected(addresses[-1], port, socket_options)

    def checked(self, texts: Sequence[str]) -> list[Address]:
        """The addresses, if all of them may be connected to: a name that leads inside as well is not trusted."""
        addresses = [ip_address(text) for text in texts]
        if not all(may_connect(address, self.allowed) for address in addresses):
            raise InsideAddress
        if self.only_inside and not all(is_inside(address, self.allowed) for address in addresses):
            raise PasswordInTheClear
        return addresses[:MOST_ADDRESSES]

    def connected(self, address: Address, port: int, options: Iterable[Any] | None) -> httpcore2.NetworkStream:
        """A connection to this very address."""
        seconds = min(CONNECT_SECONDS, self.deadline.left())
        return TimedStream(self.plain.connect_tcp(str(address), port, seconds, None, options), self.deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Never: a calendar is not on this machine's sockets. Raises InsideAddress."""
        raise InsideAddress


class GuardedTransport(HTTPTransport):
    """httpx2's transport over guarded connections, each used for one exchange."""

    def __init__(self, ssl_context: SSLContext, backend: GuardedBackend) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(ssl_context=ssl_context, network_backend=backend, http1=True, http2=False)
