"""Twenty seconds of faults at random: every promise holds. The long run is `python -m tests.torture --seconds 300`."""

from tests.torture.run import Plan, run

SECONDS = 20
SEED = 6
PATIENCE = 30.0  # a machine that runs tests is slow; the long run asks for 5 s


def test_every_promise_holds_under_faults() -> None:
    report = run(Plan(SECONDS, SEED, patience=PATIENCE))
    assert report.problems == []
    assert report.idle == []
    assert len(report.faults) >= 3
