"""HTTP as one client speaks it, which may lose an answer that the server has already given."""

import json
import socket
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Any

TIMEOUT = 30.0


class Lost(Exception):
    """No answer came, or it was lost: nobody knows whether the request was carried out."""


@dataclass
class Cuts:
    """How many of the next answers are to be lost between server and client, and how many were."""

    wanted: int = 0
    done: int = 0
    lock: Lock = field(default_factory=Lock)

    def plan(self, count: int) -> None:
        """Loses so many more."""
        with self.lock:
            self.wanted += count

    def take(self) -> bool:
        """Whether the answer at hand is one of them."""
        with self.lock:
            if self.wanted == 0:
                return False
            self.wanted, self.done = self.wanted - 1, self.done + 1
            return True


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, headers and JSON body."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.body["code"]) if isinstance(self.body, dict) and "code" in self.body else str(self.status)


class Caller:
    """One client's connection to the service, made anew whenever it breaks."""

    def __init__(self, port: int, cuts: Cuts | None = None) -> None:
        self.port = port
        self.cuts = cuts or Cuts()
        self.connection: HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any = None, **headers: str | None) -> Reply:
        """One request. Raises Lost."""
        text = None if body is None else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        if text is not None:
            given["Content-Type"] = "application/json"
        try:
            return self._exchange(method, path, text, given)
        except (OSError, HTTPException) as error:
            self.close()
            raise Lost(repr(error)) from error

    def _exchange(self, method: str, path: str, text: str | None, headers: dict[str, str]) -> Reply:
        if self.connection is None:
            self.connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        self.connection.request(method, path, text, headers)
        if method != "GET" and self.cuts.take():
            self.connection.sock.recv(1, socket.MSG_PEEK)  # the server has answered
            raise OSError("the answer was cut off")
        with self.connection.getresponse() as answer:
            said = answer.read()
            return Reply(answer.status, dict(answer.getheaders()), json.loads(said) if said else None)

    def close(self) -> None:
        """Hangs up."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
