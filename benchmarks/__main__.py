"""Measures and prints: `python -m benchmarks [NAME]`, natively and with a 1 ms flush."""

import platform
import sys
from datetime import UTC, datetime

from benchmarks import as_of, big_log, booking, following, no_downtime, rebuilding, starting, verifying
from benchmarks.ground import FLUSHES, ground, quantiles, server

# those that take longer, or arguments: `python -m benchmarks NAME …`
BY_NAME = {
    "as_of": as_of.main,
    "big_log": big_log.main,
    "no_downtime": no_downtime.main,
    "rebuilding": rebuilding.main,
    "verifying": verifying.main,
}


def main() -> None:
    """Every figure beside its floor."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}")
    print(f"demo, empty folder to first answer: {quantiles(starting.first_answer())}")
    for flush in FLUSHES:
        print(f"\n{flush}")
        with server(flush) as found, ground(found) as here:
            print(f"  answer to row in the meeting log: {quantiles(following.answer_to_row(here))}")
            print(f"  … one read of that row:           {quantiles(following.one_read(here))}")
            print(f"  takeover after kill -9:           {quantiles(following.takeover(here))}")
            here.oncelink.follower.stop()
            ours = [(booking.bookings_per_second(here), booking.bare_per_second(here)) for _ in range(3)]
            for through, bare in ours:
                print(f"  bookings/s: {through:.0f} through the domain, {bare:.0f} bare: {through / bare:.2f}")
            print(f"  slots of a month: {quantiles(booking.slots_of_a_month(here))}")


if __name__ == "__main__":
    BY_NAME[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:] else main()
