"""Random calendars are read as ical.js reads them; many by `python -m tests.torture.feeds`."""

from tests.torture.feeds import find_differences


def test_read_as_ical_js_does() -> None:
    assert list(find_differences(40, seed=1)) == []
