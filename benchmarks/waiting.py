"""Measure how long the demo, a row in the meeting log and a takeover take: `python -m benchmarks waiting`."""

from benchmarks import following, starting
from benchmarks.environment import FLUSHES, format_quantiles, open_environment, run_database_server


def main() -> None:
    """Measure and print each of them."""
    print(f"demo, empty folder to first answer: {format_quantiles(starting.measure_starts())}")
    for flush in FLUSHES:
        print(f"\n{flush}")
        with run_database_server(flush) as server, open_environment(server) as environment:
            print(f"  answer to row in the meeting log: {format_quantiles(following.measure_row_latency(environment))}")
            print(f"  … one read of that row:           {format_quantiles(following.measure_read(environment))}")
            print(f"  takeover after kill -9:           {format_quantiles(following.measure_takeovers(environment))}")
