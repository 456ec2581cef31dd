"""What `oncelink doctor` measures."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from api.cli import doctor
from store.database import Database


@pytest.mark.parametrize(
    ("before_seconds", "after_seconds", "is_ok"),
    [(0, 0, True), (-60, 60, True), (-90, -60, False), (60, 90, False)],
    ids=["at once", "a slow answer", "this machine is behind", "this machine is ahead"],
)
def test_a_slow_answer_is_no_skew(
    database: Database, monkeypatch: pytest.MonkeyPatch, before_seconds: int, after_seconds: int, is_ok: bool
) -> None:
    offsets: Iterator[int] = iter((before_seconds, after_seconds))
    monkeypatch.setattr(doctor, "read_clock", lambda: datetime.now(UTC) + timedelta(seconds=next(offsets)))
    with database.acquire_connection() as connection:
        check = doctor.check_clock(connection)
    assert check.ok is is_ok, check.finding
