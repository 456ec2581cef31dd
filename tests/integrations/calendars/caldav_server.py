"""A real CalDAV server, Radicale, on loopback: an account with two calendars; it can be stopped and started again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx2
import radicale
from radicale import config, log

USER, PASSWORD = "julio", "p\u00e4ss:word 7"


class ThreadedWsgiServer(ThreadingMixIn, WSGIServer):
    """One thread for each request."""

    daemon_threads = True


class QuietRequestHandler(WSGIRequestHandler):
    """Says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class CalDavServer:
    """Radicale over a folder."""

    folder: Path
    port: int = 0
    http_server: ThreadedWsgiServer | None = None
    requests: list[str] = field(default_factory=list)

    def start_server(self) -> None:
        """Serves, on the same port as before."""
        settings = config.load()
        settings.update(
            {
                "auth": {
                    "type": "htpasswd",
                    "htpasswd_filename": str(self.folder / "users"),
                    "htpasswd_encryption": "plain",
                    "delay": "0",
                },
                "storage": {"filesystem_folder": str(self.folder / "collections")},
                "logging": {"level": "critical"},
            },
            "tests",
        )
        (self.folder / "users").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        log.setup()
        log.set_level("critical", False)
        application = radicale.Application(settings)

        def count_request(environ: Any, start_response: Any) -> Any:
            self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            return application(environ, start_response)

        self.http_server = make_server("127.0.0.1", self.port, count_request, ThreadedWsgiServer, QuietRequestHandler)
        self.port = self.http_server.server_port
        Thread(target=self.http_server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop_server(self) -> None:
        """Answers nothing any more; what is stored stays."""
        if self.http_server is not None:
            self.http_server.shutdown()
            self.http_server.server_close()
            self.http_server = None

    @property
    def url(self) -> str:
        """Where it begins."""
        return f"http://127.0.0.1:{self.port}/"

    def create_client(self) -> httpx2.Client:
        """Somebody else's program with the same account."""
        return httpx2.Client(base_url=self.url, auth=(USER, PASSWORD), trust_env=False)

    def make_calendar(self, name: str, title: str, kind: str = "VEVENT") -> str:
        """A new calendar; its address."""
        body = f"""<?xml version="1.0"?><c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
            <d:set><d:prop><d:displayname>{title}</d:displayname><c:supported-calendar-component-set>
            <c:comp name="{kind}"/></c:supported-calendar-component-set></d:prop></d:set></c:mkcalendar>"""
        with self.create_client() as client:
            response = client.request("MKCALENDAR", f"/{USER}/{name}/", content=body)
        assert response.status_code == 201, response.text
        return f"{self.url}{USER}/{name}/"

    def put_entry(self, calendar_url: str, name: str, data: str) -> None:
        """Stores an entry as another program would."""
        with self.create_client() as client:
            response = client.put(f"{calendar_url}{name}.ics", content=data, headers={"Content-Type": "text/calendar"})
        assert response.status_code in (201, 204), response.text

    def remove_entry(self, calendar_url: str, name: str) -> None:
        """Removes an entry as another program would."""
        with self.create_client() as client:
            assert client.delete(f"{calendar_url}{name}.ics").status_code in (200, 204)

    def read_entries(self, calendar_url: str) -> dict[str, str]:
        """Every entry that is stored in a calendar, by its file's name."""
        folder = self.folder / "collections" / "collection-root" / calendar_url.removeprefix(self.url)
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.ics"))}


@contextmanager
def run_caldav_server(folder: Path) -> Iterator[CalDavServer]:
    """A running server with the calendars work and home, and a list of tasks."""
    server = CalDavServer(folder)
    server.start_server()
    try:
        server.make_calendar("work", "Work")
        server.make_calendar("home", "Home")
        server.make_calendar("tasks", "Tasks", "VTODO")
        yield server
    finally:
        server.stop_server()
