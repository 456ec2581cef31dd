"""The booking page: how much is loaded, in how many requests, and how soon the server answers.

`python -m benchmarks.booking_page` ends with 1 if a bound is not held.
"""

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import build
from api.settings import read_settings
from benchmarks.environment import SECRET, Ground, ground, quantiles, server
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

REQUESTS = 300
MOST_BYTES, MOST_REQUESTS, SLOWEST = 200_000, 6, 0.020
LOADED = re.compile(r'(?:href|src)="(/static/[^"]+)"')


@contextmanager
def serving(found: Server) -> Iterator[int]:
    """The service on a free port, in a thread; the port."""
    settings = read_settings(database_url=found.url(SERVICE_ROLE, "oncelink"), secret_keys=SECRET)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = uvicorn.Server(uvicorn.Config(build(settings), access_log=False, log_config=None))
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        while not running.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join()


def fetched(connection: http.client.HTTPConnection, path: str) -> bytes:
    """The body of an answer, uncompressed."""
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200, path
    return answer.read()


def weight(connection: http.client.HTTPConnection, path: str) -> dict[str, int]:
    """Everything that a browser loads to show a page, with its bytes."""
    page = fetched(connection, path)
    parts = sorted(set(LOADED.findall(page.decode())))
    assert parts
    return {path: len(page), **{part: len(fetched(connection, part)) for part in parts}}


def first_answers(connection: http.client.HTTPConnection, path: str) -> list[float]:
    """Seconds until the whole page has been answered."""
    seconds = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        fetched(connection, path)
        seconds.append(time.perf_counter() - began)
    return seconds


def measure(here: Ground, port: int) -> bool:
    """Prints what was measured, for a host who is free around the clock: the largest page that there is."""
    offer = here.oncelink.scheduling.offer(here.link_id, fresh=True)
    code = here.oncelink.codes.make(here.issue(1)[0], "book")
    held = True
    for path in (f"/book/{offer.link.properties.slug}", f"/s/{code}"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        parts = weight(connection, path)
        seconds = first_answers(connection, path)
        print(f"{path[:6]}…: {sum(parts.values())} bytes in {len(parts)} requests; answered in {quantiles(seconds)}")
        for part, size in parts.items():
            print(f"    {size:7} {part.rpartition('/')[2] if part != path else 'the page itself'}")
        median = sorted(seconds)[REQUESTS // 2]
        held &= sum(parts.values()) <= MOST_BYTES and len(parts) <= MOST_REQUESTS and median <= SLOWEST
    return held


def main() -> None:
    """Measures, and says whether the bounds hold."""
    with server("native") as found, ground(found) as here, serving(found) as port:
        held = measure(here, port)
    bounds = f"at most {MOST_BYTES} bytes, {MOST_REQUESTS} requests, p50 {SLOWEST * 1000:.0f} ms"
    print(f"{bounds}: {'held' if held else 'NOT HELD'}")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
