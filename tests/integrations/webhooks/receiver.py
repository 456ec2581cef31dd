"""A receiver of webhooks that verifies each with the package `standardwebhooks`, and answers as the test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

Answer = tuple[int, dict[str, str]] | None  # None breaks the connection off


@dataclass
class Receiver:
    """What was received; `answer` says what becomes of each, by its number from 0."""

    port: int = 0
    secret: str = ""
    answer: Callable[[int], Answer] = lambda number: (204, {})
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The address that webhooks are sent to."""
        return f"http://127.0.0.1:{self.port}/hook?key=urlsecretzqx"

    @property
    def ids(self) -> list[str]:
        """The ids of what was received."""
        return [body["id"] for body in self.bodies]

    def receive(self, headers: dict[str, str], content: bytes) -> Answer:
        """Verify and keep a webhook. Returns how to answer it."""
        with self.lock:
            try:
                body = Webhook(self.secret).verify(content, headers)
            except Exception as error:
                self.flaws.append(repr(error))
                body = json.loads(content)
            if body["id"] != headers["webhook-id"]:
                self.flaws.append("another id in the header")
            self.bodies.append(body)
            self.headers.append(headers)
            number = len(self.bodies) - 1
        return self.answer(number)


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Run a receiver on loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.receive({name.lower(): value for name, value in self.headers.items()}, content)
            if answer is None:
                self.connection.close()
                return
            self.send_response(answer[0])
            for name, value in answer[1].items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (OSError, ValueError):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
