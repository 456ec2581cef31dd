"""The read model of what is owed and the domain's own state of a token say the same, whatever happened."""

import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.erasure import PersonalDetailsErased
from domain.event import Event
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent
from domain.notifications.outbox import BACK_OFF, CAUSES, CHANNEL_OF, CHANNELS, Outbox, Telling
from domain.token import CalendarConflictFound, MeetingReassigned
from projections import outbox
from projections.catalogue import from_log, live
from store.database import Database
from store.reader import Reader
from tests.projections.story import DAY, START, Story, differences, follow, held


def random_step(story: Story, chance: random.Random, token: UUID, people: list[UUID], details: list[UUID]) -> None:
    """Something that may happen to a booked meeting, or what became of telling somebody of something."""
    to, person = chance.choice(
        [("guest", None), *((role, one) for role in ("host", "co_host", "former_host") for one in people)]
    )
    about: dict[str, Any] = {"cause_version": chance.randrange(1, 9), "what": "booked", "to": to, "person_id": person}
    attempt = {"attempt": chance.randrange(1, len(BACK_OFF) + 2), "message_id": "1@nexora.example"}
    at = START + DAY * chance.randrange(1, 90)
    hosts = tuple(chance.sample(people, chance.randrange(1, 4)))
    previous = tuple(chance.sample(people, chance.randrange(1, 4)))
    steps = [
        lambda: story.reschedule(token, at, at + DAY),
        lambda: story.cancel(token),
        lambda: story.tell(token, CalendarConflictFound, host_id=chance.choice(people), starts_at=at),
        lambda: story.tell(
            token, MeetingReassigned, previous_host_ids=previous, host_ids=hosts, host_versions=(1,) * len(hosts),
            meeting_type_version=1, **held(at),
        ),
        *[lambda: story.tell(token, MailSent, **about, **attempt, by="smtp")] * 4,
        *[
            lambda: story.tell(
                token, MailFailed, **about, **attempt, last=chance.random() < 0.4,
                reason=chance.choice(["server_unreachable", "unknown_outcome"]),
            )
        ] * 4,
        *[lambda: story.tell(token, MailRequested, **about)] * 2,
        lambda: story.tell(token, PersonalDetailsErased, erasure_id=uuid4(), details_ids=(details.pop(),))
        if details and chance.random() < 0.3 else None,
    ]  # fmt: skip
    chance.choice(steps)()


def state(known: Outbox, telling: Telling) -> str:
    """How the domain's own state would name where a telling stands."""
    standing = known.standing(telling).state
    if standing == "sent":
        return "sent"
    if known.is_erased(telling):
        return "erased"
    return "superseded" if known.is_superseded(telling) else standing


@pytest.mark.parametrize("seed", range(12))
def test_the_fold_is_the_domains_state(followed: Database, story: Story, seed: int) -> None:
    chance = random.Random(seed)
    people = [story.person(name) for name in ("Ada", "Bob", "Cy", "Dee")]
    intro = story.meeting_type()
    link = story.link(people[0], intro)
    tokens = [
        story.book(link, chance.sample(people, 2), intro, story.now + DAY, story.issue(link, people[0]))
        for _ in range(4)
    ]
    details = {
        row["stream_id"]: [UUID(row["id"])]
        for row in followed.rows(
            "SELECT stream_id, data ->> 'details_id' AS id FROM {schema}.events WHERE type = 'MeetingBooked.v1'"
        )
    }
    for _ in range(60):
        token = chance.choice(tokens)
        random_step(story, chance, token, people, details[token])
    follow(followed, chance.choice([1, 7, 100]))
    assert list(differences(followed)) == []
    for token in tokens:
        known = folded(Reader(followed).events_after({token: 0})[token])
        rows = followed.rows(f"SELECT * FROM {{schema}}.{table(followed)} WHERE booking_id = %s", (token,))
        told = {
            Telling(row["cause_version"], row["channel"], row["recipient_role"], row["person_id"]): row for row in rows
        }
        assert set(told) == set(known.tellings())
        for telling, row in told.items():
            standing = known.standing(telling)
            assert row["owed_id"] == telling.id(token)
            assert row["state"] == state(known, telling), (telling, row)
            assert (row["attempts"], row["requests"]) == (standing.attempts, standing.requests)
            assert (row["state"] == "owed") == known.is_open(telling)
        assert outbox.of_booking(live(followed), token, START) == outbox.of_booking(from_log(followed), token, START)


def test_the_tables_name_events_that_there_are() -> None:
    names = {name.partition(".")[0] for name in Event.catalogue}
    assert set(CAUSES) <= names
    assert set(CHANNEL_OF) <= names
    assert len(CHANNEL_OF) == 3 * len(CHANNELS)


def folded(events: Any) -> Outbox:
    """The domain's own state."""
    found = Outbox()
    for event in events:
        found = found.after(event)
    return found


def table(database: Database) -> str:
    """The live table of the outbox."""
    [row] = database.rows("SELECT live_table FROM {schema}.read_models WHERE name = 'outbox'")
    return str(row["live_table"])
