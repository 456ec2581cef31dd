"""The read model of pending notifications and the domain's own state of a token agree, whatever happened."""

import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.erasure import PersonalDetailsErased
from domain.event import Event
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent
from domain.notifications.outbox import Notification, Outbox
from domain.notifications.rules import CHANNEL_BY_EVENT, CHANNELS, NOTIFICATION_RULES, RETRY_DELAYS_SECONDS
from domain.token_events import CalendarConflictFound, MeetingReassigned, NoShowMarked, NoShowUnmarked
from projections import outbox
from projections.catalogue import from_live_tables, from_log
from store.database import Database
from store.reader import PostgresLogReader
from tests.projections.story import DAY, START, LogBuilder, build_meeting_times, find_differences, follow_log

SCHEDULED = {"reminders_minutes": (60, 2_880, 10), "follow_up_minutes": 30}


def append_random_event(
    builder: LogBuilder, rng: random.Random, token: UUID, people: list[UUID], details: list[UUID]
) -> None:
    """Append a random event of a booked meeting or of one of its notifications."""
    recipient_role, person = rng.choice(
        [("guest", None), *((role, person_id) for role in ("host", "co_host", "former_host") for person_id in people)]
    )
    notification_fields: dict[str, Any] = {
        "cause_version": rng.randrange(1, 9),
        "what": "booked",
        "to": recipient_role,
        "person_id": person,
        **rng.choice([{}, {"offset_minutes": -60}, {"offset_minutes": -2_880}, {"offset_minutes": 30}]),
    }
    attempt = {"attempt": rng.randrange(1, len(RETRY_DELAYS_SECONDS) + 2), "message_id": "1@nexora.example"}
    starts_at = START + DAY * rng.randrange(1, 90)
    hosts = tuple(rng.sample(people, rng.randrange(1, 4)))
    previous = tuple(rng.sample(people, rng.randrange(1, 4)))
    steps = [
        lambda: builder.reschedule_meeting(token, starts_at, starts_at + DAY),
        lambda: builder.cancel_meeting(token),
        lambda: builder.append_event(token, CalendarConflictFound, host_id=rng.choice(people), starts_at=starts_at),
        lambda: builder.append_event(
            token, MeetingReassigned, previous_host_ids=previous, host_ids=hosts, host_versions=(1,) * len(hosts),
            meeting_type_version=1, **build_meeting_times(starts_at),
        ),
        lambda: builder.append_event(token, NoShowMarked, tell_guest=rng.random() < 0.7),
        lambda: builder.append_event(token, NoShowUnmarked),
        *[lambda: builder.append_event(token, MailSent, **notification_fields, **attempt, by="smtp")] * 4,
        *[
            lambda: builder.append_event(
                token, MailFailed, **notification_fields, **attempt, last=rng.random() < 0.4,
                reason=rng.choice(["server_unreachable", "unknown_outcome"]),
            )
        ] * 4,
        *[lambda: builder.append_event(token, MailRequested, **notification_fields)] * 2,
        lambda: builder.append_event(token, PersonalDetailsErased, erasure_id=uuid4(), details_ids=(details.pop(),))
        if details and rng.random() < 0.3 else None,
    ]  # fmt: skip
    rng.choice(steps)()


def name_state(outbox_state: Outbox, notification: Notification) -> str:
    """Name the state of a notification by the domain's own state."""
    delivery_state = outbox_state.get_delivery_state(notification).state
    if delivery_state == "sent":
        return "sent"
    if outbox_state.is_erased(notification):
        return "erased"
    return "superseded" if outbox_state.is_superseded(notification) else delivery_state


@pytest.mark.parametrize("seed", range(12))
def test_the_fold_is_the_domains_state(live_database: Database, builder: LogBuilder, seed: int) -> None:
    rng = random.Random(seed)
    people = [builder.add_person(name) for name in ("Ada", "Bob", "Cy", "Dee")]
    intro = builder.create_meeting_type()
    link = builder.create_link(people[0], intro)
    builder.begin_reminders()
    tokens = [
        builder.book_meeting(
            link, rng.sample(people, 2), intro, builder.now + DAY * 2, builder.issue_single_use_link(link, people[0]),
            **scheduled,
        )
        for scheduled in ({}, {}, SCHEDULED, {"reminders_minutes": ()})
    ]  # fmt: skip
    details = {
        row["stream_id"]: [UUID(row["id"])]
        for row in live_database.fetch_rows(
            "SELECT stream_id, data ->> 'details_id' AS id FROM {schema}.events WHERE type ^@ 'MeetingBooked.'"
        )
    }
    for _ in range(60):
        token = rng.choice(tokens)
        append_random_event(builder, rng, token, people, details[token])
    follow_log(live_database, rng.choice([1, 7, 100]))
    assert list(find_differences(live_database)) == []
    for token in tokens:
        outbox_state_state = fold_events(PostgresLogReader(live_database).read_events_after({token: 0})[token])
        rows = live_database.fetch_rows(
            f"SELECT * FROM {{schema}}.{find_live_table(live_database)} WHERE booking_id = %s", (token,)
        )
        rows_by_notification = {
            Notification(
                row["cause_version"], row["channel"], row["recipient_role"], row["person_id"], row["offset_minutes"]
            ): row
            for row in rows
        }
        assert set(rows_by_notification) == set(outbox_state_state.list_notifications())
        for notification, row in rows_by_notification.items():
            delivery_state = outbox_state_state.get_delivery_state(notification)
            assert row["owed_id"] == notification.derive_id(token)
            assert row["state"] == name_state(outbox_state_state, notification), (notification, row)
            assert (row["attempts"], row["requests"]) == (delivery_state.attempts, delivery_state.requests)
            assert (row["state"] == "owed") == outbox_state_state.is_pending(notification)
            mail = outbox_state_state.find_scheduled_mail(notification)
            assert row["scheduled_at"] == (mail and mail.due_at)
            if end_of_use := outbox_state_state.find_end_of_use(notification):
                assert row["ends_at"] == end_of_use
        assert outbox.list_booking_notifications(
            from_live_tables(live_database), token, START
        ) == outbox.list_booking_notifications(from_log(live_database), token, START)


def test_the_tables_name_events_that_there_are() -> None:
    names = {name.partition(".")[0] for name in Event.catalogue}
    assert set(NOTIFICATION_RULES) <= names
    assert set(CHANNEL_BY_EVENT) <= names
    assert len(CHANNEL_BY_EVENT) == 3 * len(CHANNELS)


def fold_events(events: Any) -> Outbox:
    """Fold events into the domain's own state."""
    outbox_state = Outbox()
    for event in events:
        outbox_state = outbox_state.apply_event(event)
    return outbox_state


def find_live_table(database: Database) -> str:
    """Find the live table of the outbox."""
    [row] = database.fetch_rows("SELECT live_table FROM {schema}.read_models WHERE name = 'outbox'")
    return str(row["live_table"])


def test_no_rows_are_kept_for_reminders_of_the_time_before_there_were_any(
    live_database: Database, builder: LogBuilder
) -> None:
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
    link = builder.create_link(ada, intro)
    token = builder.book_meeting(link, [ada], intro, START + DAY * 9)
    before = {"cause_version": 2, "what": "reminder", "to": "guest", "offset_minutes": -60}
    builder.begin_reminders("2030-01-01")
    builder.append_event(token, MailSent, **before, attempt=1, message_id="1@nexora.example", by="smtp")
    follow_log(live_database, 100)
    rows = outbox.list_booking_notifications(from_live_tables(live_database), token, START)
    assert [(row["what"], row["to"], row["state"]) for row in rows if row["scheduled_at"]] == [
        ("reminder", "guest", "sent")
    ]
