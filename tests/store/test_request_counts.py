"""Counts of requests: each span of time and each asker by itself, and old ones are deleted."""

from datetime import UTC, datetime, timedelta

import pytest

from store.database import Database
from store.request_counts import RequestCounts

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def request_counts(database: Database) -> RequestCounts:
    """Counts in a new schema."""
    return RequestCounts(database, "a secret")


def count_rows(database: Database, table: str) -> int:
    """The number of rows of a table."""
    return len(database.fetch_rows(f"SELECT 1 FROM {{schema}}.{table}"))


def test_guests_are_counted_by_address_and_minute(request_counts: RequestCounts) -> None:
    assert [request_counts.count_guest_requests("192.0.2.1", 2, NOON) for _ in range(3)] == [2, 4, 6]
    assert request_counts.count_guest_requests("192.0.2.1", 1, NOON + timedelta(seconds=59)) == 7
    assert request_counts.count_guest_requests("192.0.2.2", 1, NOON) == 1
    assert request_counts.count_guest_requests("192.0.2.1", 1, NOON + timedelta(minutes=1)) == 1


def test_no_address_is_kept(database: Database, request_counts: RequestCounts) -> None:
    request_counts.count_guest_requests("192.0.2.1", 1, NOON)
    request_counts.count_sign_in_request("email ada@guest.example", NOON)
    rows = database.fetch_rows("SELECT address FROM {schema}.guest_requests")
    assert "192.0.2.1" not in rows[0]["address"]
    other_counts = RequestCounts(database, "another secret")
    assert other_counts.compute_hmac("192.0.2.1") != request_counts.compute_hmac("192.0.2.1")


def test_requests_for_sign_in_links_are_counted_by_asker_and_quarter_of_an_hour(request_counts: RequestCounts) -> None:
    assert [request_counts.count_sign_in_request("email a", NOON) for _ in range(3)] == [1, 2, 3]
    assert request_counts.count_sign_in_request("email a", NOON + timedelta(minutes=14, seconds=59)) == 4
    assert request_counts.count_sign_in_request("email b", NOON) == 1
    assert request_counts.count_sign_in_request("email a", NOON + timedelta(minutes=15)) == 1


def test_old_counts_are_deleted(database: Database, request_counts: RequestCounts) -> None:
    request_counts.count_guest_requests("192.0.2.1", 1, NOON)
    request_counts.count_guest_requests("192.0.2.1", 1, NOON + timedelta(minutes=2))
    assert count_rows(database, "guest_requests") == 2
    request_counts.count_guest_requests("192.0.2.1", 1, NOON + timedelta(minutes=3))
    assert count_rows(database, "guest_requests") == 2
    request_counts.count_sign_in_request("email a", NOON)
    request_counts.delete_old_sign_in_requests(NOON + timedelta(hours=1))
    assert count_rows(database, "sign_in_requests") == 1
    request_counts.delete_old_sign_in_requests(NOON + timedelta(hours=1, seconds=1))
    assert count_rows(database, "sign_in_requests") == 0
