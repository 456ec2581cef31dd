"""How long the demo, a row in the meeting log and another follower take: `python -m benchmarks waiting`."""

from benchmarks import following, starting
from benchmarks.environment import FLUSHES, ground, quantiles, server


def main() -> None:
    """Each of them."""
    print(f"demo, empty folder to first answer: {quantiles(starting.first_answer())}")
    for flush in FLUSHES:
        print(f"\n{flush}")
        with server(flush) as found, ground(found) as here:
            print(f"  answer to row in the meeting log: {quantiles(following.answer_to_row(here))}")
            print(f"  … one read of that row:           {quantiles(following.one_read(here))}")
            print(f"  takeover after kill -9:           {quantiles(following.takeover(here))}")
