"""`python -m tests.torture`: faults at random for some seconds, then the verdict; with `--mutants`, seeded bugs."""

import argparse
import platform
import sys
from datetime import UTC, datetime

from tests.torture.clients import WEIGHTS
from tests.torture.faults import KINDS
from tests.torture.run import BACK_SECONDS, Plan, Report, run_torture

CAUGHT, IDLE = 1, 2


def main() -> int:
    """Run the torture. Exit code: 0 when every promise held, 1 when one did not, 2 when the run did too little."""
    options = build_parser().parse_args()
    if options.mutants is not None:
        from tests.torture.mutants import run_mutants

        return run_mutants(options.mutants, options.seconds, options.seed)
    if options.model:
        from tests.torture.models import show_results as show_models

        return show_models()
    kinds = options.fault or list(KINDS)
    report = run_torture(Plan(options.seconds, options.seed, kinds, options.patience, options.focus))
    show_report(report, options.seconds, options.seed)
    if report.problems:
        return CAUGHT
    missing = report.missing_coverage + (
        [kind for kind in kinds if not report.faults[kind]] if options.seconds >= 60 else []
    )
    if missing:
        print("this run proves nothing, it lacks: " + ", ".join(missing))
    return IDLE if missing else 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=BACK_SECONDS, help="seconds to be back after a fault")
    parser.add_argument("--fault", action="append", choices=list(KINDS), help="only these; repeat for more")
    parser.add_argument("--focus", action="append", default=[], choices=list(WEIGHTS), help="clients do only these")
    parser.add_argument("--model", action="store_true", help="search the models, as they are and with each bug")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="seeded bugs in a copy: all, or these")
    return parser


def show_report(report: Report, seconds: float, seed: int) -> None:
    """Print the report."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, seed {seed}")
    print(
        f"{seconds:.0f} s: {report.rounds} rounds, {report.answers.total()} operations, {report.acknowledged} bookings"
    )
    for kind, count in sorted(report.faults.items()):
        print(f"  {count:4} × {kind}: back after {report.slowest_recovery[kind]:.1f} s at the latest")
    print(f"  {report.responses_lost:4} replies lost between server and client")
    for answer, count in sorted(report.answers.items()):
        print(f"  {count:6} {answer}")
    for problem in report.problems[:20]:
        print("WRONG: " + problem)
    print(f"{len(report.problems)} problems")


if __name__ == "__main__":
    sys.exit(main())
