"""Commands on notifications: what becomes of attempts, and sending once more."""

from uuid import UUID

import pytest

from domain.commands.notifications import is_last_attempt
from domain.notifications.outbox import DeliveryState, Notification
from domain.notifications.rules import RETRY_DELAYS_SECONDS
from domain.refusals import NotFound, NothingToSend
from tests.domain.commands.command_driver import LATER, START, CommandDriver

MAIL_TO_GUEST = Notification(2, "mail", "guest")
SENT = {"message_id": "one@oncelink", "by": "smtp"}
FAILED = {"message_id": "one@oncelink"}


def fail(driver: CommandDriver, token: UUID, reason: str = "try_later", last: bool = False) -> int | None:
    """Record a failed attempt to mail the guest."""
    context = driver.build_guest_context()
    return driver.notifications.record_failure(context, token, MAIL_TO_GUEST, reason, last, **FAILED)  # type: ignore[arg-type]


def send(driver: CommandDriver, token: UUID, notification: Notification = MAIL_TO_GUEST) -> int | None:
    """Record that a mail was sent."""
    return driver.notifications.record_delivery(driver.build_guest_context(), token, notification, **SENT)


def get_state(driver: CommandDriver, token: UUID) -> DeliveryState:
    """Return the delivery state of the mail to the guest."""
    return driver.load_token(token).outbox.get_delivery_state(MAIL_TO_GUEST)


def test_a_delivery_is_recorded_once(driver: CommandDriver) -> None:
    token = driver.book().token.id
    assert driver.notifications.load_if_due(token, MAIL_TO_GUEST, START)
    assert send(driver, token)
    assert send(driver, token) is None
    assert get_state(driver, token) == DeliveryState("sent", attempts=1)
    assert driver.notifications.load_if_due(token, MAIL_TO_GUEST, START) is None


def test_what_nobody_is_to_be_told_is_not_recorded(driver: CommandDriver) -> None:
    token = driver.book().token.id
    assert send(driver, token, Notification(2, "mail", "host", driver.anna)) is None


@pytest.mark.parametrize(
    ("reasons", "last", "state"),
    [
        (["try_later"], False, DeliveryState("owed", 1)),
        (["address_refused"], True, DeliveryState("failed", 1)),
        (["try_later", "try_later"], False, DeliveryState("owed", 2)),
        (["unknown_outcome"], False, DeliveryState("owed", 1, unknown=1)),
        (["unknown_outcome", "try_later", "unknown_outcome"], False, DeliveryState("failed", 3, unknown=2)),
        (["try_later"] * len(RETRY_DELAYS_SECONDS), False, DeliveryState("owed", len(RETRY_DELAYS_SECONDS))),
        (
            ["try_later"] * (len(RETRY_DELAYS_SECONDS) + 1),
            False,
            DeliveryState("failed", len(RETRY_DELAYS_SECONDS) + 1),
        ),
    ],
    ids=lambda value: f"{len(value)} attempts" if isinstance(value, list) else None,
)
def test_failures_end_some_day(reasons: list[str], last: bool, state: DeliveryState, driver: CommandDriver) -> None:
    token = driver.book().token.id
    for reason in reasons:
        assert fail(driver, token, reason, last)
    assert get_state(driver, token) == state


@pytest.mark.parametrize(
    ("state", "reason", "last"),
    [
        (DeliveryState(), "try_later", False),
        (DeliveryState(attempts=len(RETRY_DELAYS_SECONDS)), "try_later", True),
        (DeliveryState(unknown=1), "try_later", False),
        (DeliveryState(unknown=1), "unknown_outcome", True),
        (DeliveryState(unknown=2), "try_later", True),
    ],
)
def test_the_last_attempt(state: DeliveryState, reason: str, last: bool) -> None:
    assert is_last_attempt(state, reason) == last  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["unanswered", "late", "lost", "stale"])
def test_an_attempt_is_counted_once(fault: str, driver: CommandDriver) -> None:
    token = driver.book().token.id
    driver.log.faults = [fault]  # type: ignore[list-item]
    assert fail(driver, token) == driver.count_events()
    assert get_state(driver, token) == DeliveryState("owed", 1)


class TestResend:
    """Requesting a mail once more."""

    def test_is_pending_again(self, driver: CommandDriver) -> None:
        token = driver.book().token.id
        id, resend = MAIL_TO_GUEST.derive_id(token), driver.notifications.request_resend
        assert resend(driver.build_context(), token, id) is None  # it is pending anyway
        send(driver, token)
        assert resend(driver.build_context(), token, id)
        assert get_state(driver, token) == DeliveryState("owed", requests=1)

    def test_of_the_calendar_too(self, driver: CommandDriver) -> None:
        token, notification = driver.book().token.id, Notification(2, "calendar", "host", driver.julio)
        driver.notifications.record_delivery(driver.build_guest_context(), token, notification, done="written")
        driver.notifications.request_resend(driver.build_context(), token, notification.derive_id(token))
        assert driver.log.list_event_names()[-2:] == ["CalendarWritten", "CalendarRequested"]

    def test_of_nothing_is_refused(self, driver: CommandDriver) -> None:
        token = driver.book().token.id
        with pytest.raises(NotFound):
            driver.notifications.request_resend(driver.build_context(), token, UUID(int=7))

    @pytest.mark.parametrize("reason", ["replaced", "erased", "over"])
    def test_of_what_is_not_sent_any_more_is_refused(self, reason: str, driver: CommandDriver) -> None:
        token, context = driver.book().token.id, driver.build_context()
        send(driver, token)
        if reason == "replaced":
            driver.scheduling.reschedule_meeting(driver.build_guest_context(), token, LATER)
        elif reason == "erased":
            driver.erasure.erase_personal_details(driver.build_admin_context(), "ada@guest.example")
        else:
            context = driver.build_context(now=LATER)
        with pytest.raises(NothingToSend):
            driver.notifications.request_resend(context, token, MAIL_TO_GUEST.derive_id(token))

    def test_while_the_meeting_goes_on_is_allowed(self, driver: CommandDriver) -> None:
        token = driver.book().token.id
        send(driver, token)
        context = driver.build_context(now=START)
        assert driver.notifications.request_resend(context, token, MAIL_TO_GUEST.derive_id(token))
