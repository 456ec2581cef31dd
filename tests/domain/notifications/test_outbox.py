"""The outbox of a token: who is notified of what, over which channel, and what replaces what."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from domain.availability.hours import Interval
from domain.notifications.mail_delivery import MailSent
from domain.notifications.outbox import Notification, compute_sequence
from domain.token import Token
from tests.domain.example import ANNA, JULIO, START, build_booking_fields, build_context, build_times, mark_saved

BELA = UUID(int=9)
LATER = START + timedelta(hours=1)
BOOKED, CHANGED = 2, 3  # versions of the events: the token was issued by the first


def book() -> Token:
    """A meeting of Julio's, with Anna as a co-host."""
    token = Token(UUID(int=5))
    token.issue_directly(UUID(int=3), build_context())
    booking_fields = build_booking_fields() | {"host_ids": (JULIO, ANNA), "host_versions": (1, 1)}
    token.book(build_context(person=None), **booking_fields, details_id=UUID(int=6))
    return mark_saved(token)  # type: ignore[no-any-return]


def reschedule(token: Token) -> None:
    """Move the meeting."""
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))


def reassign(token: Token) -> None:
    """Give the meeting to Bela; Anna stays."""
    token.reassign(build_context(), (BELA, ANNA), (1, 1))


def find_conflict(token: Token) -> None:
    """Find that Anna's own calendar has something else."""
    token.record_conflict(build_context(), ANNA, [Interval(START, LATER)])


def cancel(token: Token) -> None:
    """Cancel the meeting."""
    token.cancel(build_context(), cancelled_by="host")


def list_recipients(token: Token, version: int, channel: str) -> list[tuple[str, UUID | None]]:
    """List the recipients of one event over a channel."""
    notifications = token.outbox.list_notifications()
    return [(one.to, one.person_id) for one in notifications if (one.cause_version, one.channel) == (version, channel)]


GUEST, HOST, CO_HOST = ("guest", None), ("host", JULIO), ("co_host", ANNA)


@pytest.mark.parametrize(
    ("change", "mails", "calendars"),
    [
        (reschedule, [GUEST, HOST, CO_HOST], [HOST, CO_HOST]),
        (cancel, [GUEST, HOST, CO_HOST], [HOST, CO_HOST]),
        (
            reassign,
            [GUEST, ("host", BELA), CO_HOST, ("former_host", JULIO)],
            [("host", BELA), CO_HOST, ("former_host", JULIO)],
        ),
        (find_conflict, [GUEST, CO_HOST], []),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_everybody_whom_it_concerns_is_notified(
    change: Callable[[Token], None],
    mails: list[tuple[str, UUID | None]],
    calendars: list[tuple[str, UUID | None]],
) -> None:
    token = book()
    change(token)
    assert list_recipients(token, BOOKED, "mail") == [GUEST, HOST, CO_HOST]
    assert list_recipients(token, BOOKED, "calendar") == [HOST, CO_HOST]
    assert list_recipients(token, CHANGED, "mail") == mails
    assert list_recipients(token, CHANGED, "calendar") == calendars


@pytest.mark.parametrize(
    ("change", "superseded"),
    [
        (reschedule, [GUEST, HOST, CO_HOST]),
        (cancel, [GUEST, HOST, CO_HOST]),
        (reassign, [GUEST, HOST, CO_HOST]),
        (find_conflict, []),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_later_notification_replaces_an_earlier_one(
    change: Callable[[Token], None], superseded: list[tuple[str, UUID | None]]
) -> None:
    token = book()
    change(token)
    for to, person_id in (GUEST, HOST, CO_HOST):
        notification = Notification(BOOKED, "mail", to, person_id)  # type: ignore[arg-type]
        assert token.outbox.is_superseded(notification) == ((to, person_id) in superseded)
        assert token.outbox.is_pending(notification) == ((to, person_id) not in superseded)


def test_only_the_guest_is_erased() -> None:
    token = book()
    token.erase(build_context(), erasure_id=UUID(int=7), details_ids=(UUID(int=6),))
    mails = {to: Notification(BOOKED, "mail", to, id) for to, id in (GUEST, HOST)}  # type: ignore[arg-type]
    assert token.outbox.is_erased(mails["guest"])
    assert not token.outbox.is_sendable(mails["guest"])
    assert not token.outbox.is_erased(mails["host"])
    assert token.outbox.is_sendable(mails["host"])


def test_what_is_unknown_is_not_sendable() -> None:
    outbox = book().outbox
    assert not outbox.is_sendable(Notification(BOOKED, "mail", "host", BELA))
    assert not outbox.is_sendable(Notification(BOOKED, "calendar", "guest"))


@pytest.mark.parametrize(
    ("channel", "to", "person_id", "first"),
    [("mail", "guest", None, False), ("mail", "host", JULIO, True), ("calendar", "host", JULIO, True)],
)
def test_who_was_notified_before(channel: str, to: str, person_id: UUID | None, first: bool) -> None:
    token = book()
    mail = Notification(BOOKED, "mail", "guest")
    token.record_notification(MailSent, build_context(), mail, attempt=1, message_id="one", by="smtp")
    reschedule(token)
    assert token.outbox.is_first(mail)
    assert token.outbox.is_first(Notification(4, channel, to, person_id)) == first  # type: ignore[arg-type]


def test_an_id_is_of_one_notification() -> None:
    token = book()
    reassign(token)
    ids = {notification.derive_id(token.id) for notification in token.outbox.list_notifications()}
    assert len(ids) == len(list(token.outbox.list_notifications()))
    assert Notification(BOOKED, "mail", "guest").derive_id(UUID(int=8)) not in ids


@pytest.mark.parametrize(
    ("changes", "sequence"), [([], 0), ([reschedule], 1), ([reschedule, reassign, find_conflict, cancel], 3)]
)
def test_the_sequence_counts_the_changes(changes: list[Callable[[Token], None]], sequence: int) -> None:
    token = book()
    for change in changes:
        change(token)
    assert compute_sequence(iter(token.outbox.cause_events)) == sequence


@pytest.mark.parametrize(
    ("busy", "recorded"),
    [
        (Interval(START, LATER), True),
        (Interval(START - timedelta(hours=1), START), False),
        (Interval(START + timedelta(minutes=30), LATER), False),
    ],
    ids=["at the time", "before", "after"],
)
def test_a_conflict_is_at_the_time_of_the_meeting(busy: Interval, recorded: bool) -> None:
    token = book()
    token.record_conflict(build_context(), JULIO, [busy])
    assert (token.conflicting_hosts == {JULIO}) == bool(token.pending_events) == recorded


@pytest.mark.parametrize("why", ["twice", "another host", "over", "cancelled", "not booked"])
def test_a_conflict_is_not_recorded(why: str) -> None:
    token = book()
    context, host, busy = build_context(), JULIO, [Interval(START, LATER)]
    if why == "twice":
        token.record_conflict(context, host, busy)
    elif why == "another host":
        host = BELA
    elif why == "over":
        context = build_context(LATER)
    elif why == "cancelled":
        cancel(token)
    else:
        token = Token(UUID(int=5))
    token.collect_events()
    token.record_conflict(context, host, busy)
    assert token.pending_events == ()


def test_conflicts_end_with_the_time_or_the_meeting() -> None:
    token = book()
    find_conflict(token)
    assert token.conflicting_hosts == {ANNA}
    for change in (reschedule, cancel):
        changed_token = token.copy_with_events(())
        change(changed_token)
        assert changed_token.conflicting_hosts == frozenset()
