"""A server of iCalendar feeds on loopback that a test tells what to answer, however rude."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

RequestHandler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class FeedServer:
    """Serves at each path a text or the response of a handler, and records requests."""

    port: int = 0
    feeds: dict[str, str | bytes | RequestHandler] = field(default_factory=dict)
    etags: bool = True
    requested_paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    http_server: ThreadingHTTPServer | None = None

    def build_url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def start_server(self) -> None:
        """Serves, on the same port as before."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requested_paths.append(self.path)
                server.headers.append(dict(self.headers.items()))
                feed_or_handler = server.feeds.get(self.path)
                if callable(feed_or_handler):
                    feed_or_handler(self)
                    self.close_connection = True
                elif feed_or_handler is None:
                    send_response(self, 404, b"")
                else:
                    server.send_feed(
                        self, feed_or_handler.encode() if isinstance(feed_or_handler, str) else feed_or_handler
                    )

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http_server = QuietHttpServer(("127.0.0.1", self.port), Handler)
        self.port = self.http_server.server_port
        Thread(target=self.http_server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def send_feed(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """A feed, or that it has not changed."""
        etag = f'"{hash(body)}"'
        if self.etags and handler.headers.get("If-None-Match") == etag:
            send_response(handler, 304, b"")
        else:
            send_response(handler, 200, body, {"ETag": etag} if self.etags else {})

    def stop_server(self) -> None:
        """Answers nothing any more."""
        if self.http_server is not None:
            self.http_server.shutdown()
            self.http_server.server_close()
            self.http_server = None


class QuietHttpServer(ThreadingHTTPServer):
    """Says nothing of connections that break."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def send_response(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    """A whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def run_feed_server() -> Iterator[FeedServer]:
    """A running server without feeds."""
    server = FeedServer()
    server.start_server()
    try:
        yield server
    finally:
        server.stop_server()


def build_feed(*entries: str, zone: str = "") -> str:
    """A feed of entries, each the lines within VEVENT."""
    events = "".join(f"BEGIN:VEVENT\n{entry.strip()}\nEND:VEVENT\n" for entry in entries)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests//EN\n{zone}{events}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")
