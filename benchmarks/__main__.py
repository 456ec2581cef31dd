"""Run the benchmarks: `python -m benchmarks [--full]` for all figures, or `python -m benchmarks NAME` for one."""

import sys

from benchmarks import (
    as_of,
    big_log,
    mail,
    meeting_log_html,
    no_downtime,
    rebuilding,
    slots,
    table,
    teams,
    verifying,
    waiting,
)
from benchmarks.http import processor, slow_clients
from benchmarks.sizes import DEFAULT, FULL, TINY

# those that take longer, or arguments: `python -m benchmarks NAME …`
BY_NAME = {
    "as_of": as_of.main,
    "big_log": big_log.main,
    "mail": mail.main,
    "meeting_log_html": meeting_log_html.main,
    "no_downtime": no_downtime.main,
    "processor": processor.main,
    "rebuilding": rebuilding.main,
    "slots": slots.main,
    "slow_clients": slow_clients.main,
    "teams": teams.main,
    "verifying": verifying.main,
    "waiting": waiting.main,
}
SIZES = {"--full": FULL, "--tiny": TINY}


def main(arguments: list[str]) -> int:
    """Run the benchmarks that the arguments name. Return the exit code."""
    if arguments and arguments[0] in BY_NAME:
        BY_NAME[arguments[0]](*arguments[1:])
        return 0
    if arguments and (len(arguments) > 1 or arguments[0] not in SIZES):
        print(
            f"usage: python -m benchmarks [{' | '.join([*SIZES, *BY_NAME])}], not: {' '.join(arguments)}",
            file=sys.stderr,
        )
        return 2
    tiny = arguments == ["--tiny"]
    sizes = SIZES[arguments[0]] if arguments else DEFAULT
    return table.run_benchmarks(sizes, None if tiny else table.CHART_PATH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
