"""A pytest plugin that prints the time of the tests of each folder, where `--durations` is set."""

from collections import defaultdict

import pytest


def sum_durations(reports: list[pytest.TestReport]) -> dict[str, float]:
    """Sum the seconds of tests, with setup and teardown, by their folder."""
    seconds: dict[str, float] = defaultdict(float)
    for report in reports:
        folder, _, _ = report.nodeid.partition("::")[0].rpartition("/")
        seconds[folder] += report.duration
    return seconds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the folders, the longest first."""
    if config.getoption("durations") is None:
        return
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    seconds = sum_durations([report for report in reports if isinstance(report, pytest.TestReport)])
    terminalreporter.section("time of each folder")
    for folder, duration in sorted(seconds.items(), key=lambda item: item[1], reverse=True):
        terminalreporter.write_line(f"{duration:7.1f} s  {duration / max(sum(seconds.values()), 1):4.0%}  {folder}")
