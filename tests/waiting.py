"""Waiting for what other threads and processes do, and ports for them."""

import socket
import time
from collections.abc import Callable

TIMEOUT_SECONDS = 60.0


def wait_until(
    condition: Callable[[], object],
    description: str = "the condition holds",
    timeout: float = TIMEOUT_SECONDS,
    pause: float = 0.02,
) -> None:
    """Wait until a condition holds. Raises AssertionError with `description` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {description}"
        time.sleep(pause)


def find_free_port() -> int:
    """Find a port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
