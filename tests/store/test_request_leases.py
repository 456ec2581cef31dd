"""Requests of clients within a quota for each minute, counted by two processes in leases."""

from datetime import UTC, datetime, timedelta

import pytest

from store.database import Database
from store.request_counts import RequestCounts
from store.request_leases import Allowance, RequestLeases

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def counts(database: Database) -> RequestCounts:
    """Counts in a new schema."""
    return RequestCounts(database, "a secret")


def test_every_request_is_counted_once(counts: RequestCounts) -> None:
    leases = RequestLeases(counts, 3)
    answers = [leases.take("198.51.100.7", NOON + timedelta(seconds=n)) for n in range(5)]
    assert answers[:3] == [Allowance(True, 2, 60), Allowance(True, 1, 59), Allowance(True, 0, 58)]
    assert answers[3:] == [Allowance(False, 0, 57), Allowance(False, 0, 56)]
    assert leases.take("198.51.100.8", NOON).allowed
    assert leases.take("198.51.100.7", NOON + timedelta(minutes=1)).allowed


def test_two_processes_share_the_quota(counts: RequestCounts) -> None:
    processes = [RequestLeases(counts, 100) for _ in range(2)]
    answers = [processes[n % 2].take("198.51.100.7", NOON) for n in range(130)]
    assert sum(answer.allowed for answer in answers) == 100


def test_a_statement_serves_several_requests_and_a_flood_costs_none(
    counts: RequestCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = []
    count_guest_requests = counts.count_guest_requests
    monkeypatch.setattr(
        counts, "count_guest_requests", lambda *args: statements.append(args) or count_guest_requests(*args)
    )
    leases = RequestLeases(counts, 100)
    assert sum(leases.take("198.51.100.7", NOON).allowed for _ in range(500)) == 100
    assert len(statements) == 20
