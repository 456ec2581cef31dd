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

from api.app import build_app
from api.settings import read_settings
from benchmarks.environment import SECRET, BenchmarkEnvironment, format_quantiles, open_environment, run_database_server
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

REQUESTS = 300
MAX_BYTES, MAX_REQUESTS, MAX_MEDIAN_SECONDS = 200_000, 6, 0.020
ASSET_URL = re.compile(r'(?:href|src)="(/static/[^"]+)"')


@contextmanager
def run_service(server: Server) -> Iterator[int]:
    """Run the service on a free port in a thread. Yield the port."""
    settings = read_settings(database_url=server.build_url(SERVICE_ROLE, "oncelink"), secret_keys=SECRET)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http_server = uvicorn.Server(uvicorn.Config(build_app(settings), access_log=False, log_config=None))
        thread = threading.Thread(target=http_server.run, args=([listener],))
        thread.start()
        while not http_server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            http_server.should_exit = True
            thread.join()


def fetch_body(connection: http.client.HTTPConnection, path: str) -> bytes:
    """Fetch the uncompressed body of a response."""
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200, path
    return response.read()


def measure_page_bytes(connection: http.client.HTTPConnection, path: str) -> dict[str, int]:
    """Measure the bytes of everything a browser loads to show a page, by path."""
    page = fetch_body(connection, path)
    assets = sorted(set(ASSET_URL.findall(page.decode())))
    assert assets
    return {path: len(page), **{asset: len(fetch_body(connection, asset)) for asset in assets}}


def measure_response_seconds(connection: http.client.HTTPConnection, path: str) -> list[float]:
    """Measure the seconds until the whole page has arrived, for each request."""
    seconds = []
    for _ in range(REQUESTS):
        started_at = time.perf_counter()
        fetch_body(connection, path)
        seconds.append(time.perf_counter() - started_at)
    return seconds


def measure_pages(environment: BenchmarkEnvironment, port: int) -> bool:
    """Measure and print the largest pages: a host who is free around the clock. Return whether the bounds hold."""
    offer = environment.services.scheduling.load_offer(environment.link_id, fresh=True)
    code = environment.services.codes.create_code(environment.issue_single_use_links(1)[0], "book")
    within_bounds = True
    for path in (f"/book/{offer.link.properties.slug}", f"/s/{code}"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        sizes = measure_page_bytes(connection, path)
        seconds = measure_response_seconds(connection, path)
        print(
            f"{path[:6]}…: {sum(sizes.values())} bytes in {len(sizes)} requests; "
            f"answered in {format_quantiles(seconds)}"
        )
        for asset, size in sizes.items():
            print(f"    {size:7} {asset.rpartition('/')[2] if asset != path else 'the page itself'}")
        median = sorted(seconds)[REQUESTS // 2]
        within_bounds &= (
            sum(sizes.values()) <= MAX_BYTES and len(sizes) <= MAX_REQUESTS and median <= MAX_MEDIAN_SECONDS
        )
    return within_bounds


def main() -> None:
    """Measure the pages; exit with 1 unless the bounds hold."""
    with run_database_server("native") as server, open_environment(server) as environment, run_service(server) as port:
        within_bounds = measure_pages(environment, port)
    bounds = f"at most {MAX_BYTES} bytes, {MAX_REQUESTS} requests, p50 {MAX_MEDIAN_SECONDS * 1000:.0f} ms"
    print(f"{bounds}: {'held' if within_bounds else 'NOT HELD'}")
    raise SystemExit(0 if within_bounds else 1)


if __name__ == "__main__":
    main()
