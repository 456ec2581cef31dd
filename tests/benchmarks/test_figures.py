"""The harness of the figures works: it measures both sides, sees a bound that does not hold, and draws."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from api.server import DATABASE
from benchmarks import appending, chart, issuing, slots, table
from benchmarks.environment import BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.http import bookings
from benchmarks.sizes import TINY
from store.embedded.server import Server
from store.reader import PostgresLogReader
from store.schema import SERVICE_ROLE

SLOW_APPEND = """
ALTER FUNCTION oncelink.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) RENAME TO append_at_speed;
CREATE FUNCTION oncelink.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) RETURNS bigint[] LANGUAGE sql AS
$$ SELECT pg_sleep(0.05); SELECT oncelink.append_at_speed($1, $2, $3, $4, $5, $6) $$;
"""
PASSING = Figure("a share of the floor", "/s", [80, 90, 100], [100, 100, 100], 0.8)
FAILING = Figure("a time", "ms", [30, 5, 20], (), 10, at_most=True)


@pytest.fixture(scope="module")
def benchmark_server() -> Iterator[Server]:
    """A PostgreSQL of the benchmarks' own."""
    with run_database_server("native") as server:
        yield server


@pytest.fixture
def benchmark_environment(benchmark_server: Server) -> Iterator[BenchmarkEnvironment]:
    """An organisation on that server."""
    with psycopg.connect(benchmark_server.build_url(database=DATABASE), autocommit=True) as connection:
        connection.execute(
            "TRUNCATE oncelink.events, oncelink.claims, oncelink.reservations, oncelink.personal_details"
        )
    with open_environment(benchmark_server) as environment:
        yield environment


class TestFigure:
    """Its verdict."""

    def test_is_of_the_median_round_beside_its_own_floor(self) -> None:
        assert PASSING.result == 0.9
        assert PASSING.is_within_bound
        assert not replace(PASSING, bound=0.95).is_within_bound
        assert replace(PASSING, at_most=True, bound=0.95).is_within_bound

    def test_is_of_the_value_without_a_floor(self) -> None:
        assert FAILING.result == 20
        assert not FAILING.is_within_bound
        assert "MISSED" in str(FAILING)

    def test_is_measured_in_turns(self) -> None:
        calls: list[str] = []
        measure_in_turns(2, lambda: float(calls.append("ours") or 1), lambda: float(calls.append("floor") or 1))  # type: ignore[func-returns-value]
        assert calls == ["floor", "ours", "ours", "floor"]


class TestRun:
    """A whole run."""

    @pytest.mark.parametrize(("figures", "code"), [([PASSING], 0), ([PASSING, FAILING], 1)])
    def test_ends_with_1_when_a_bound_does_not_hold(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, figures: list[Figure], code: int
    ) -> None:
        monkeypatch.setattr(table, "measure_all", lambda sizes: iter(figures))
        assert table.run_benchmarks(TINY, tmp_path / "drawn.svg") == code
        assert PASSING.name in (tmp_path / "drawn.svg").read_text()

    def test_is_drawn_for_light_and_dark(self) -> None:
        svg = chart.draw_chart([PASSING, FAILING], "today & here")
        root = ElementTree.fromstring(svg)
        classes = [circle.get("class") for circle in root.iter("{http://www.w3.org/2000/svg}circle")]
        assert classes == ["kept", "missed"]
        assert "prefers-color-scheme: dark" in svg


class TestMeasuring:
    """Each figure is of what was really done, and a slowdown seeded into it is seen."""

    def test_sees_an_append_that_got_slower(
        self, benchmark_server: Server, benchmark_environment: BenchmarkEnvironment
    ) -> None:
        with psycopg.connect(benchmark_server.build_url(database=DATABASE), autocommit=True) as connection:
            connection.execute(SLOW_APPEND)
            slow, slower = appending.measure_appends(benchmark_server, TINY, "native")
            connection.execute("DROP FUNCTION oncelink.append")
            connection.execute("ALTER FUNCTION oncelink.append_at_speed RENAME TO append")
        baseline = appending.measure_transactions_per_second(
            benchmark_server, appending.APPEND_SCRIPT, TINY.writers, TINY.seconds
        )
        assert not any(figure.is_within_bound for figure in (slow, slower))
        assert baseline > 2 * slow.values[0]

    def test_sees_slots_that_got_slower(
        self, benchmark_server: Server, benchmark_environment: BenchmarkEnvironment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, baseline = slots.measure_slots_of_a_month(benchmark_environment, benchmark_server, TINY, "native")
        find_unavailable_intervals = PostgresLogReader.find_unavailable_intervals
        monkeypatch.setattr(
            PostgresLogReader,
            "find_unavailable_intervals",
            lambda *arguments: [find_unavailable_intervals(*arguments) for _ in range(200)].pop(),
        )
        _, slow = slots.measure_slots_of_a_month(benchmark_environment, benchmark_server, TINY, "native")
        assert slow.values[0] > 2 * baseline.values[0]

    def test_counts_bookings_over_http_and_issued_links(
        self, benchmark_server: Server, benchmark_environment: BenchmarkEnvironment
    ) -> None:
        issuing_figure = issuing.measure_issuing(benchmark_environment, benchmark_server, TINY, "native")
        booking_figure = bookings.measure_throughput(
            benchmark_environment, benchmark_server.build_url(SERVICE_ROLE, DATABASE), 1, TINY, "native"
        )
        rows = benchmark_environment.services.database.fetch_rows(
            "SELECT type, count(*) AS n FROM {schema}.events GROUP BY type"
        )
        counts = {row["type"]: row["n"] for row in rows}
        assert counts["MeetingBooked.v1"] == 4 * TINY.bookings  # ours and the floor, to warm up and to measure
        assert counts["SingleUseIssued.v1"] >= 10 * issuing.LINKS_PER_CALL
        assert len(issuing_figure.values) == len(issuing_figure.floors) == 5
        assert min(*booking_figure.values, *booking_figure.floors) > 0
