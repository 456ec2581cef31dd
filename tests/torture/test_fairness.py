"""Members of a team are chosen fairly while others leave and come; `tests.torture.fairness` does it at length."""

from benchmarks.environment import run_database_server
from tests.torture.fairness import find_problems


def test_two_processes() -> None:
    with run_database_server("native") as server:
        assert find_problems(server, processes=2, bookings=60, seed=1) == []
