"""Commands on notifications: what becomes of attempts, and sending once more."""

from uuid import UUID

import pytest

from domain.commands.notifications import is_last_attempt
from domain.notifications.outbox import RETRY_DELAYS_SECONDS, DeliveryState, Notification
from domain.refusals import NotFound, NothingToSend
from tests.domain.commands.organisation import LATER, START, Organisation

MAIL_TO_GUEST = Notification(2, "mail", "guest")
SENT = {"message_id": "one@oncelink", "by": "smtp"}
FAILED = {"message_id": "one@oncelink"}


def fail(organisation: Organisation, token: UUID, reason: str = "try_later", last: bool = False) -> int | None:
    """Record a failed attempt to mail the guest."""
    context = organisation.build_guest_context()
    return organisation.notifications.record_failure(context, token, MAIL_TO_GUEST, reason, last, **FAILED)  # type: ignore[arg-type]


def send(organisation: Organisation, token: UUID, notification: Notification = MAIL_TO_GUEST) -> int | None:
    """Record that a mail was sent."""
    return organisation.notifications.record_delivery(organisation.build_guest_context(), token, notification, **SENT)


def get_state(organisation: Organisation, token: UUID) -> DeliveryState:
    """Return the delivery state of the mail to the guest."""
    return organisation.load_token(token).outbox.get_delivery_state(MAIL_TO_GUEST)


def test_a_delivery_is_recorded_once(organisation: Organisation) -> None:
    token = organisation.book().token.id
    assert organisation.notifications.load_token_if_pending(token, MAIL_TO_GUEST)
    assert send(organisation, token)
    assert send(organisation, token) is None
    assert get_state(organisation, token) == DeliveryState("sent", attempts=1)
    assert organisation.notifications.load_token_if_pending(token, MAIL_TO_GUEST) is None


def test_what_nobody_is_to_be_told_is_not_recorded(organisation: Organisation) -> None:
    token = organisation.book().token.id
    assert send(organisation, token, Notification(2, "mail", "host", organisation.anna)) is None


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
def test_failures_end_some_day(
    reasons: list[str], last: bool, state: DeliveryState, organisation: Organisation
) -> None:
    token = organisation.book().token.id
    for reason in reasons:
        assert fail(organisation, token, reason, last)
    assert get_state(organisation, token) == state


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
def test_an_attempt_is_counted_once(fault: str, organisation: Organisation) -> None:
    token = organisation.book().token.id
    organisation.log.faults = [fault]  # type: ignore[list-item]
    assert fail(organisation, token) == organisation.count_events()
    assert get_state(organisation, token) == DeliveryState("owed", 1)


class TestResend:
    """Requesting a mail once more."""

    def test_is_pending_again(self, organisation: Organisation) -> None:
        token = organisation.book().token.id
        id, resend = MAIL_TO_GUEST.derive_id(token), organisation.notifications.request_resend
        assert resend(organisation.build_context(), token, id) is None  # it is pending anyway
        send(organisation, token)
        assert resend(organisation.build_context(), token, id)
        assert get_state(organisation, token) == DeliveryState("owed", requests=1)

    def test_of_the_calendar_too(self, organisation: Organisation) -> None:
        token, notification = organisation.book().token.id, Notification(2, "calendar", "host", organisation.julio)
        organisation.notifications.record_delivery(
            organisation.build_guest_context(), token, notification, done="written"
        )
        organisation.notifications.request_resend(organisation.build_context(), token, notification.derive_id(token))
        assert organisation.log.list_event_names()[-2:] == ["CalendarWritten", "CalendarRequested"]

    def test_of_nothing_is_refused(self, organisation: Organisation) -> None:
        token = organisation.book().token.id
        with pytest.raises(NotFound):
            organisation.notifications.request_resend(organisation.build_context(), token, UUID(int=7))

    @pytest.mark.parametrize("reason", ["replaced", "erased", "over"])
    def test_of_what_is_not_sent_any_more_is_refused(self, reason: str, organisation: Organisation) -> None:
        token, context = organisation.book().token.id, organisation.build_context()
        send(organisation, token)
        if reason == "replaced":
            organisation.scheduling.reschedule_meeting(organisation.build_guest_context(), token, LATER)
        elif reason == "erased":
            organisation.erasure.erase_personal_details(organisation.build_admin_context(), "ada@guest.example")
        else:
            context = organisation.build_context(now=LATER)
        with pytest.raises(NothingToSend):
            organisation.notifications.request_resend(context, token, MAIL_TO_GUEST.derive_id(token))

    def test_while_the_meeting_goes_on_is_allowed(self, organisation: Organisation) -> None:
        token = organisation.book().token.id
        send(organisation, token)
        context = organisation.build_context(now=START)
        assert organisation.notifications.request_resend(context, token, MAIL_TO_GUEST.derive_id(token))
