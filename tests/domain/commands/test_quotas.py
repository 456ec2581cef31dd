"""How long a used-up quota asks to wait, in its number and in its sentence, and the quota of moves."""

from datetime import timedelta

import pytest

from domain.quotas import GuestQuotas
from domain.refusals import TooManyMoves, TooManyRequests, describe_wait
from tests.domain.commands.command_driver import START, CommandDriver
from tests.domain.example import NOW

DAY_AFTER = START + timedelta(days=1)
LATER = DAY_AFTER + timedelta(hours=1)


@pytest.mark.parametrize(
    ("wait", "seconds", "words"),
    [
        (timedelta(), 1, "1 second"),
        (timedelta(seconds=22.01), 23, "23 seconds"),
        (timedelta(seconds=59.5), 60, "1 minute"),
        (timedelta(seconds=61), 120, "2 minutes"),
        (timedelta(hours=1), 3600, "1 hour"),
        (timedelta(hours=5, minutes=11, seconds=1), 18_720, "5 hours and 12 minutes"),
        (timedelta(hours=24), 86_400, "24 hours"),
    ],
)
def test_the_sentence_says_what_the_number_says(wait: timedelta, seconds: int, words: str) -> None:
    refusal = TooManyRequests(wait)
    assert refusal.retry_after == seconds
    assert describe_wait(seconds) == words
    assert refusal.sentence.endswith(f"Please try again in {words}.")
    assert refusal.code == TooManyMoves().code == "too_many_requests"


class TestMoves:
    """A guest moves one booking so often within 24 hours, and its host as often as they like."""

    @pytest.fixture
    def driver(self, driver: CommandDriver) -> CommandDriver:
        """A driver with a quota of two moves."""
        driver.scheduling.quotas = GuestQuotas(moves=2)
        return driver

    def test_are_limited_within_any_24_hours(self, driver: CommandDriver) -> None:
        booked = driver.book(start=DAY_AFTER)
        scheduling = driver.scheduling
        for hours, start in ((0, LATER), (1, DAY_AFTER)):
            context = driver.build_guest_context(NOW + timedelta(hours=hours))
            assert scheduling.reschedule_meeting(context, booked.token.id, start)
        late = driver.build_guest_context(NOW + timedelta(hours=2))
        with pytest.raises(TooManyMoves) as refused:
            scheduling.reschedule_meeting(late, booked.token.id, LATER)
        assert refused.value.retry_after == 22 * 3600
        assert scheduling.reschedule_meeting(late, booked.token.id, DAY_AFTER) is None  # it is there already
        assert scheduling.reschedule_meeting(
            driver.build_guest_context(NOW + timedelta(hours=24)), booked.token.id, LATER
        )

    def test_of_a_host_are_neither_limited_nor_counted(self, driver: CommandDriver) -> None:
        booked = driver.book(start=DAY_AFTER)
        for start in (LATER, DAY_AFTER, LATER):
            assert driver.scheduling.reschedule_meeting(driver.build_context(), booked.token.id, start)
        assert driver.scheduling.reschedule_meeting(driver.build_guest_context(), booked.token.id, DAY_AFTER)
