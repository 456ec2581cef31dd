"""`python -m tests.torture`: faults at random for some seconds, then the verdict; with `--mutants`, seeded bugs."""

import argparse
import platform
import sys
from datetime import UTC, datetime

from tests.torture.clients import WEIGHTS
from tests.torture.faults import KINDS
from tests.torture.run import BACK_SECONDS, Plan, Report, run

CAUGHT, IDLE = 1, 2


def main() -> int:
    """Exit code 0 when every promise held, 1 when one did not, 2 when the run did too little to say anything."""
    asked = arguments().parse_args()
    if asked.mutants is not None:
        from tests.torture.mutants import hunt

        return hunt(asked.mutants, asked.seconds, asked.seed)
    if asked.model:
        from tests.torture.models import show as show_models

        return show_models()
    kinds = asked.fault or list(KINDS)
    report = run(Plan(asked.seconds, asked.seed, kinds, asked.patience, asked.focus))
    show(report, asked.seconds, asked.seed)
    if report.problems:
        return CAUGHT
    lacking = report.idle + ([kind for kind in kinds if not report.faults[kind]] if asked.seconds >= 60 else [])
    if lacking:
        print("this run proves nothing, it lacks: " + ", ".join(lacking))
    return IDLE if lacking else 0


def arguments() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=BACK_SECONDS, help="seconds to be back after a fault")
    parser.add_argument("--fault", action="append", choices=list(KINDS), help="only these; repeat for more")
    parser.add_argument("--focus", action="append", default=[], choices=list(WEIGHTS), help="clients do only these")
    parser.add_argument("--model", action="store_true", help="search the models, as they are and with each bug")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="seeded bugs in a copy: all, or these")
    return parser


def show(report: Report, seconds: float, seed: int) -> None:
    """The report, for people."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, seed {seed}")
    print(
        f"{seconds:.0f} s: {report.rounds} rounds, {report.answers.total()} operations, {report.acknowledged} bookings"
    )
    for kind, count in sorted(report.faults.items()):
        print(f"  {count:4} × {kind}: back after {report.slowest[kind]:.1f} s at the latest")
    print(f"  {report.replies_lost:4} replies lost between server and client")
    for answer, count in sorted(report.answers.items()):
        print(f"  {count:6} {answer}")
    for problem in report.problems[:20]:
        print("WRONG: " + problem)
    print(f"{len(report.problems)} problems")


if __name__ == "__main__":
    sys.exit(main())
