"""How far back details are kept: whole months, by the calendar."""

from datetime import UTC, datetime

import pytest

from domain.durations import subtract_months


@pytest.mark.parametrize(
    ("instant", "months", "expected"),
    [
        ((2027, 3, 31, 12), 1, (2027, 2, 28, 12)), ((2028, 3, 31), 1, (2028, 2, 29)),
        ((2027, 1, 15), 1, (2026, 12, 15)),
        ((2027, 12, 31), 12, (2026, 12, 31)), ((2028, 2, 29), 12, (2027, 2, 28)), ((2027, 5, 1), 600, (1977, 5, 1)),
    ],
)  # fmt: skip
def test_subtracts_months(instant: tuple[int, ...], months: int, expected: tuple[int, ...]) -> None:
    assert subtract_months(datetime(*instant, tzinfo=UTC), months) == datetime(*expected, tzinfo=UTC)  # type: ignore[misc]
