"""A server of iCalendar feeds on loopback that a test tells what to answer, however rude."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class FeedServer:
    """What is at each path: a text, or something that answers by itself; and what was asked for."""

    port: int = 0
    feeds: dict[str, str | bytes | Answering] = field(default_factory=dict)
    etags: bool = True
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    running: ThreadingHTTPServer | None = None

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Serves, on the same port as before."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.headers.append(dict(self.headers.items()))
                found = server.feeds.get(self.path)
                if callable(found):
                    found(self)
                    self.close_connection = True
                elif found is None:
                    sends(self, 404, b"")
                else:
                    server.sends_feed(self, found.encode() if isinstance(found, str) else found)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.running = Quiet(("127.0.0.1", self.port), Handler)
        self.port = self.running.server_port
        Thread(target=self.running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def sends_feed(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """A feed, or that it has not changed."""
        etag = f'"{hash(body)}"'
        if self.etags and handler.headers.get("If-None-Match") == etag:
            sends(handler, 304, b"")
        else:
            sends(handler, 200, body, {"ETag": etag} if self.etags else {})

    def stop(self) -> None:
        """Answers nothing any more."""
        if self.running is not None:
            self.running.shutdown()
            self.running.server_close()
            self.running = None


class Quiet(ThreadingHTTPServer):
    """Says nothing of connections that break."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def sends(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    """A whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    """A running server without feeds."""
    server = FeedServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def feed(*entries: str, zone: str = "") -> str:
    """A feed of entries, each the lines within VEVENT."""
    events = "".join(f"BEGIN:VEVENT\n{entry.strip()}\nEND:VEVENT\n" for entry in entries)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests//EN\n{zone}{events}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")
