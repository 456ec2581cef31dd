"""A few faults at random: every promise holds. The long run is `python -m tests.torture --seconds 300`."""

from tests.torture.run import Plan, run_torture

SECONDS = 120  # at most: it ends when it has covered everything, within 20 s on an idle machine
FAULT_KINDS = 3
SEED = 6
MAX_RECOVERY_SECONDS = 30.0  # a machine that runs tests is slow; the long run asks for 5 s


def test_every_promise_holds_under_faults() -> None:
    report = run_torture(Plan(SECONDS, SEED, max_recovery_seconds=MAX_RECOVERY_SECONDS, enough_kinds=FAULT_KINDS))
    assert report.problems == []
    assert report.missing_coverage == []
    assert len(report.faults) >= FAULT_KINDS
