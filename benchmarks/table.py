"""The table of figures: every one measured beside its floor, natively and with a 1 ms flush, then drawn."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import appending, catching_up, chart, earlier_bookings, issuing, meeting_log_pages, over_http, peers
from benchmarks.environment import FLUSHES, ground, server
from benchmarks.figure import Figure
from benchmarks.rebuilding import filled
from benchmarks.sizes import Sizes
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

DATABASE = "oncelink"
PICTURE = Path(__file__).parents[1] / "docs" / "performance.svg"


def run(sizes: Sizes, picture: Path | None = PICTURE) -> int:
    """Measures, prints, draws; 1 when a bound does not hold, else 0."""
    began = datetime.now(UTC)
    about = f"{began:%Y-%m-%d}, {machine()}, load average {os.getloadavg()[0]:.1f}"
    print(about, flush=True)
    figures = []
    for figure in every(sizes):
        print(figure, flush=True)
        figures.append(figure)
    if picture is not None:
        picture.write_text(chart.drawn(figures, about), encoding="utf-8")
    missed = [figure for figure in figures if not figure.holds]
    took = (datetime.now(UTC) - began).total_seconds()
    print(f"{len(figures)} figures in {took:.0f} s, {len(missed)} missed; load average {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def machine() -> str:
    """What this ran on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def every(sizes: Sizes) -> Iterator[Figure]:
    """All figures; those in which a flush has no part are measured once."""
    for where in FLUSHES:
        with server(where) as found:
            yield from of_bookings(found, sizes, where)
    with server("native") as found:
        yield from of_a_big_log(found, sizes)
    with server("native") as found, ground(found) as here:
        here.oncelink.follower.stop()
        yield from earlier_bookings.figures(here, found, sizes, "native")


def of_bookings(found: Server, sizes: Sizes, where: str) -> Iterator[Figure]:
    """What a guest waits for, and what an issuer does."""
    url = found.url(SERVICE_ROLE, DATABASE)
    with ground(found) as here:
        yield issuing.slots_of_a_month(here, found, sizes, where)
        yield issuing.figure(here, found, sizes, where)
        one = over_http.throughput(here, url, 1, sizes, where)
        yield one
        yield over_http.throughput(here, url, 2, sizes, where)
        yield over_http.slowest(here, url, sorted(one.values)[len(one.values) // 2] / 2, sizes, where)
        if where == "native":
            yield over_http.memory(here, url, sizes)
    yield from appending.figures(found, sizes, where)
    if sizes.peers:
        for sentence in peers.sentences(found, sizes):
            print(f"  {where}: {sentence}", flush=True)


def of_a_big_log(found: Server, sizes: Sizes) -> Sequence[Figure]:
    """What reads a long history."""
    db = filled(found, sizes.events)
    try:
        return [
            *catching_up.figures(db, found, sizes, "native"),
            *meeting_log_pages.figures(db, found, sizes, "native"),
        ]
    finally:
        db.close()
