"""An HTTP client that can lose a response which the server has already sent."""

import json
import socket
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Any

TIMEOUT = 30.0


class ResponseLost(Exception):
    """No response came, or it was lost: nobody knows whether the request was executed."""


@dataclass
class ResponseCuts:
    """How many of the next responses are to be lost between server and client, and how many were."""

    pending: int = 0
    completed: int = 0
    lock: Lock = field(default_factory=Lock)

    def request_cuts(self, count: int) -> None:
        """Request this many more cuts."""
        with self.lock:
            self.pending += count

    def take_cut(self) -> bool:
        """Take one of the requested cuts. Return whether there was one."""
        with self.lock:
            if self.pending == 0:
                return False
            self.pending, self.completed = self.pending - 1, self.completed + 1
            return True


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: its status, headers and JSON body."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a refusal, else the status."""
        return str(self.body["code"]) if isinstance(self.body, dict) and "code" in self.body else str(self.status)


class HttpClient:
    """One client's connection to the service, opened again whenever it breaks."""

    def __init__(self, port: int, cuts: ResponseCuts | None = None) -> None:
        self.port = port
        self.cuts = cuts or ResponseCuts()
        self.connection: HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any = None, **headers: str | None) -> HttpResponse:
        """Send one request. Raises ResponseLost."""
        text = None if body is None else json.dumps(body)
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        if text is not None:
            sent_headers["Content-Type"] = "application/json"
        try:
            return self._exchange(method, path, text, sent_headers)
        except (OSError, HTTPException) as error:
            self.close()
            raise ResponseLost(repr(error)) from error

    def _exchange(self, method: str, path: str, text: str | None, headers: dict[str, str]) -> HttpResponse:
        if self.connection is None:
            self.connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        self.connection.request(method, path, text, headers)
        if method != "GET" and self.cuts.take_cut():
            self.connection.sock.recv(1, socket.MSG_PEEK)  # the server has answered
            raise OSError("the answer was cut off")
        with self.connection.getresponse() as http_response:
            content = http_response.read()
            return HttpResponse(
                http_response.status, dict(http_response.getheaders()), json.loads(content) if content else None
            )

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
