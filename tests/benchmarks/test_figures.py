"""The harness of the figures works: it measures both sides, sees a bound that does not hold, and draws."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from api.server import DATABASE
from benchmarks import appending, chart, issuing, over_http, table
from benchmarks.environment import Ground, ground, server
from benchmarks.figure import Figure, in_turns
from benchmarks.sizes import TINY
from store.embedded.server import Server
from store.reader import Reader
from store.schema import SERVICE_ROLE

SLOW_APPEND = """
ALTER FUNCTION oncelink.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) RENAME TO append_at_speed;
CREATE FUNCTION oncelink.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) RETURNS bigint[] LANGUAGE sql AS
$$ SELECT pg_sleep(0.05); SELECT oncelink.append_at_speed($1, $2, $3, $4, $5, $6) $$;
"""
KEPT = Figure("a share of the floor", "/s", [80, 90, 100], [100, 100, 100], 0.8)
MISSED = Figure("a time", "ms", [30, 5, 20], (), 10, at_most=True)


@pytest.fixture(scope="module")
def found() -> Iterator[Server]:
    """A PostgreSQL of the benchmarks' own."""
    with server("native") as there:
        yield there


@pytest.fixture
def here(found: Server) -> Iterator[Ground]:
    """An organisation on it."""
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        connection.execute(
            "TRUNCATE oncelink.events, oncelink.claims, oncelink.reservations, oncelink.personal_details"
        )
    with ground(found) as there:
        yield there


class TestFigure:
    """Its verdict."""

    def test_is_of_the_median_round_beside_its_own_floor(self) -> None:
        assert KEPT.reached == 0.9
        assert KEPT.holds
        assert not replace(KEPT, bound=0.95).holds
        assert replace(KEPT, at_most=True, bound=0.95).holds

    def test_is_of_the_value_without_a_floor(self) -> None:
        assert MISSED.reached == 20
        assert not MISSED.holds
        assert "MISSED" in str(MISSED)

    def test_is_measured_in_turns(self) -> None:
        asked: list[str] = []
        in_turns(2, lambda: float(asked.append("ours") or 1), lambda: float(asked.append("floor") or 1))  # type: ignore[func-returns-value]
        assert asked == ["floor", "ours", "ours", "floor"]


class TestRun:
    """A whole run."""

    @pytest.mark.parametrize(("figures", "code"), [([KEPT], 0), ([KEPT, MISSED], 1)])
    def test_ends_with_1_when_a_bound_does_not_hold(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, figures: list[Figure], code: int
    ) -> None:
        monkeypatch.setattr(table, "every", lambda sizes: iter(figures))
        assert table.run(TINY, tmp_path / "drawn.svg") == code
        assert KEPT.name in (tmp_path / "drawn.svg").read_text()

    def test_is_drawn_for_light_and_dark(self) -> None:
        picture = chart.drawn([KEPT, MISSED], "today & here")
        drawn = ElementTree.fromstring(picture)
        classes = [circle.get("class") for circle in drawn.iter("{http://www.w3.org/2000/svg}circle")]
        assert classes == ["kept", "missed"]
        assert "prefers-color-scheme: dark" in picture


class TestMeasuring:
    """Each figure is of what was really done, and a slowdown seeded into it is seen."""

    def test_sees_an_append_that_got_slower(self, found: Server, here: Ground) -> None:
        with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
            connection.execute(SLOW_APPEND)
            slow, slower = appending.figures(found, TINY, "native")
            connection.execute("DROP FUNCTION oncelink.append")
            connection.execute("ALTER FUNCTION oncelink.append_at_speed RENAME TO append")
        usual = appending.per_second(found, appending.OURS, TINY.writers, TINY.seconds)
        assert not any(figure.holds for figure in (slow, slower))
        assert usual > 2 * slow.values[0]

    def test_sees_slots_that_got_slower(self, found: Server, here: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = issuing.slots_of_a_month(here, found, TINY, "native")
        held = Reader.held
        monkeypatch.setattr(Reader, "held", lambda *given: [held(*given) for _ in range(200)].pop())
        slow = issuing.slots_of_a_month(here, found, TINY, "native")
        assert not slow.holds
        assert slow.reached > 2 * usual.reached

    def test_counts_bookings_over_http_and_issued_links(self, found: Server, here: Ground) -> None:
        issued = issuing.figure(here, found, TINY, "native")
        booked = over_http.throughput(here, found.url(SERVICE_ROLE, DATABASE), 1, TINY, "native")
        rows = here.oncelink.database.rows("SELECT type, count(*) AS n FROM {schema}.events GROUP BY type")
        of_type = {row["type"]: row["n"] for row in rows}
        assert of_type["MeetingBooked.v1"] == 4 * TINY.bookings  # ours and the floor, to warm up and to measure
        assert of_type["SingleUseIssued.v1"] >= 10 * issuing.AT_ONCE
        assert len(issued.values) == len(issued.floors) == 5
        assert min(*booked.values, *booked.floors) > 0
