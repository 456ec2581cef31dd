"""Histories for tests: the domain's events, appended one at a time, with the names a reader would give them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from domain.event import Actor, Context, Event, Source
from domain.link import LinkCreated
from domain.managed_link import ManagedLinkCreated
from domain.meeting_type import MeetingTypeCreated
from domain.person import PersonAdded
from domain.token import (
    DirectIssued,
    MeetingBooked,
    MeetingCancelled,
    MeetingReassigned,
    Rescheduled,
    SingleUseIssued,
    SingleUseRevoked,
)
from projections.catalogue import READ_MODELS
from projections.following.batch_projector import Folding
from projections.following.positions import position
from replay.verify.read_models import FOLLOWED
from store.database import Database

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
APPEND = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', %s) AS positions"
FENCE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s || '.fence', 0))"


class Story:
    """Appends what a test tells; its clock goes on an hour with each event."""

    def __init__(self, database: Database, owner_url: str) -> None:
        self.database = database
        self.owner_url = owner_url
        self.now = START
        self.source: Source = "web"
        self.versions: dict[UUID, int] = {}
        self.position = 0

    def tell(self, stream: UUID, event_class: type[Event], details: Sequence[Any] = (), **payload: Any) -> int:
        """Appends one event; its position."""
        return self.append([self.happened(stream, event_class, **payload)], details)

    def happened(self, stream: UUID, event_class: type[Event], **payload: Any) -> dict[str, Any]:
        """An event that is still to be appended."""
        self.now += HOUR
        context = Context(self.now, Actor(kind="system"), "test", self.source)
        self.versions[stream] = self.versions.get(stream, 0) + 1
        event = event_class.next_of(stream, self.versions[stream], context, **payload)
        stored = {"stream": str(stream), "version": event.originator_version, "type": event.stored_name}
        return {**stored, "data": event.model_dump(mode="json")}

    def append(self, events: Sequence[dict[str, Any]], details: Sequence[Any] = ()) -> int:
        """Appends events together; the position of the last one."""
        rows = self.database.rows(APPEND, (json.dumps(events), json.dumps(list(details))))
        self.position = rows[0]["positions"][-1]
        return self.position

    def detailed(
        self,
        stream: UUID,
        event_class: type[Event],
        data: dict[str, Any],
        words: str,
        before: Sequence[dict[str, Any]] = (),
        **payload: Any,
    ) -> UUID:
        """Appends an event with personal details, after others that happened together with it; their id."""
        id = uuid4()
        row = {"id": str(id), "stream": str(stream), "salt": "00", "data": data, "words": words}
        self.append([*before, self.happened(stream, event_class, details_id=id, **payload)], [row])
        return id

    def person(self, name: str, **properties: Any) -> UUID:
        """A person joins."""
        id = uuid4()
        email = f"{name.lower().replace(' ', '.')}@example.com"
        told = {"name": name, "email": email, "time_zone": "Europe/Madrid", "roles": ("member",)}
        self.tell(id, PersonAdded, **told | properties)
        return id

    def meeting_type(self, name: str = "Introduction", **properties: Any) -> UUID:
        """A meeting type is made."""
        id = uuid4()
        self.tell(id, MeetingTypeCreated, name=name, **{"duration_minutes": 30} | properties)
        return id

    def link(self, owner: UUID, meeting_type: UUID, name: str = "Meet me", **properties: Any) -> UUID:
        """A link is published."""
        id = uuid4()
        self.tell(id, LinkCreated, **self.link_properties(owner, meeting_type, name, **properties))
        return id

    def link_properties(self, owner: UUID, meeting_type: UUID, name: str, **properties: Any) -> dict[str, Any]:
        """Everything that can be said of a link."""
        told = {"kind": "standard", "name": name, "slug": name.lower().replace(" ", "-"), "owner_id": owner}
        return {**told, "meeting_type_id": meeting_type, **properties}

    def managed_link(self, hosts: list[UUID], meeting_type: UUID, name: str = "Sales", **properties: Any) -> UUID:
        """A managed link is made."""
        id = uuid4()
        told = {"name": name, "slug": name.lower(), "meeting_type_id": meeting_type, "host_ids": tuple(hosts)}
        self.tell(id, ManagedLinkCreated, **told | properties)
        return id

    def issue(self, link: UUID, by: UUID, name: str | None = None, label: str | None = None) -> UUID:
        """A single-use link is issued."""
        id = uuid4()
        recipient = {"name": name, "email": f"{name.lower()}@recipients.example"} if name else None
        words = f"{name or ''} {recipient['email'] if recipient else ''} {label or ''}"
        data = {"recipient": recipient, "label": label, "metadata": {"deal": "42"}}
        self.detailed(id, SingleUseIssued, data, words, link_id=link, issued_by=by)
        return id

    def revoke(self, token: UUID) -> None:
        """A single-use link is withdrawn."""
        self.detailed(token, SingleUseRevoked, {"reason": "sent by mistake"}, "")

    def book(
        self, link: UUID, hosts: list[UUID], meeting_type: UUID, starts_at: datetime, token: UUID | None = None,
        guest: str = "Ada", kind: str = "standard",
    ) -> UUID:  # fmt: skip
        """A meeting is booked, on a single-use link or on the spot."""
        issued = []
        if token is None:
            token = uuid4()
            issued.append(self.happened(token, DirectIssued, link_id=link))
        email = f"{guest.split()[0].lower()}@guests.example"
        data = {"guest": {"name": guest, "email": email, "time_zone": "Asia/Tokyo"}, "notes": "see you"}
        self.detailed(
            token, MeetingBooked, data, f"{guest} {email}", issued, link_id=link, link_kind=kind, link_version=1,
            meeting_type_id=meeting_type, meeting_type_version=1, host_ids=tuple(hosts),
            host_versions=(1,) * len(hosts), **held(starts_at),
        )  # fmt: skip
        return token

    def reschedule(self, token: UUID, previous: datetime, starts_at: datetime) -> None:
        """A meeting is moved."""
        self.tell(token, Rescheduled, previous_starts_at=previous, meeting_type_version=1, **held(starts_at))

    def reassign(self, token: UUID, before: list[UUID], hosts: list[UUID], starts_at: datetime) -> None:
        """A meeting is given to another host."""
        told = {"previous_host_ids": tuple(before), "host_ids": tuple(hosts), "host_versions": (1,) * len(hosts)}
        self.tell(token, MeetingReassigned, meeting_type_version=1, **told, **held(starts_at))

    def cancel(self, token: UUID, by: str = "guest") -> UUID:
        """A meeting is cancelled."""
        return self.detailed(token, MeetingCancelled, {"reason": "ill"}, "", cancelled_by=by)

    def erase(self, details: UUID) -> None:
        """Personal details are erased."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(self.database.text("DELETE FROM {schema}.personal_details WHERE id = %s"), (details,))

    def bad_event(self, stream: UUID, name: str, data: dict[str, Any]) -> None:
        """Something that no program of ours has written gets into the log."""
        self.versions[stream] = self.versions.get(stream, 0) + 1
        stored = {"stream": str(stream), "version": self.versions[stream], "type": name, "data": data}
        self.database.rows(APPEND, (json.dumps([stored]), "[]"))


def held(starts_at: datetime) -> dict[str, datetime]:
    """The times of a meeting of half an hour without buffers."""
    ends_at = starts_at + timedelta(minutes=30)
    return {"starts_at": starts_at, "ends_at": ends_at, "held_from": starts_at, "held_until": ends_at}


def follow(database: Database, limit: int = 1_000) -> int:
    """Folds everything that is in the log, as the follower does; the position reached."""
    head = position(database).head
    with database.connect() as connection:
        folding = Folding(database, connection, READ_MODELS)
        reached = folding.batch(head, limit)
        while reached < head:
            reached = folding.batch(head, limit)
    return reached


def differences(database: Database) -> Iterator[str]:
    """The read models whose live table is not the fold of the log up to the follower's position.

    Each is compared in one statement, so in one snapshot, whatever moves meanwhile.
    """
    tables = {
        row["name"]: row["live_table"] for row in database.rows("SELECT name, live_table FROM {schema}.read_models")
    }
    for model in READ_MODELS:
        live, fold = f'SELECT {model.columns} FROM {{schema}}."{tables[model.name]}"', model.fold(until=True)
        both = f"(({live}) EXCEPT ALL ({fold})) UNION ALL (({fold}) EXCEPT ALL ({live}))"
        if database.rows(f"SELECT FROM ({both}) AS different".replace("%(log_until)s", FOLLOWED)):
            yield model.name


@contextmanager
def in_flight(database: Database) -> Iterator[None]:
    """Meanwhile a writer holds the fence."""
    with psycopg.connect(database.url) as connection:
        connection.execute(FENCE, (database.schema,))
        yield
