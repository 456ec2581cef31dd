"""A builder of histories for tests: appends the domain's events one at a time, with names that a test can read."""

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
from domain.token_events import (
    DirectIssued,
    MeetingBooked,
    MeetingCancelled,
    MeetingReassigned,
    Rescheduled,
    SingleUseIssued,
    SingleUseRevoked,
)
from projections.catalogue import READ_MODELS
from projections.following.batch_projector import BatchProjector
from projections.following.positions import read_positions
from projections.table_lookup import find_live_tables
from replay.verify.read_models import FOLLOWER_POSITION
from store.database import Database

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
APPEND = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', %s) AS positions"
FENCE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s || '.fence', 0))"


class LogBuilder:
    """Appends events to the log; its clock advances by an hour with each event."""

    def __init__(self, database: Database, owner_url: str) -> None:
        self.database = database
        self.owner_url = owner_url
        self.now = START
        self.source: Source = "web"
        self.versions: dict[UUID, int] = {}
        self.position = 0

    def append_event(self, stream: UUID, event_class: type[Event], details: Sequence[Any] = (), **payload: Any) -> int:
        """Append one event. Return its position."""
        return self.append_events([self.build_event(stream, event_class, **payload)], details)

    def build_event(self, stream: UUID, event_class: type[Event], **payload: Any) -> dict[str, Any]:
        """Build an event that is not yet appended."""
        self.now += HOUR
        context = Context(self.now, Actor(kind="system"), "test", self.source)
        self.versions[stream] = self.versions.get(stream, 0) + 1
        event = event_class.from_context(stream, self.versions[stream], context, **payload)
        stored = {"stream": str(stream), "version": event.originator_version, "type": event.find_stored_name()}
        return {**stored, "data": event.to_data()}

    def append_events(self, events: Sequence[dict[str, Any]], details: Sequence[Any] = ()) -> int:
        """Append events in one call. Return the position of the last one."""
        rows = self.database.fetch_rows(APPEND, (json.dumps(events), json.dumps(list(details))))
        self.position = rows[0]["positions"][-1]
        return self.position

    def append_with_details(
        self,
        stream: UUID,
        event_class: type[Event],
        data: dict[str, Any],
        words: str,
        preceding: Sequence[dict[str, Any]] = (),
        **payload: Any,
    ) -> UUID:
        """Append an event with personal details, after `preceding` events of the same append. Return details' id."""
        id = uuid4()
        row = {"id": str(id), "stream": str(stream), "salt": "00", "data": data, "words": words}
        self.append_events([*preceding, self.build_event(stream, event_class, details_id=id, **payload)], [row])
        return id

    def begin_reminders(self, instant: str = "-infinity") -> None:
        """Say since when reminders are owed."""
        statement = self.database.compose_query("UPDATE {schema}.outbox_beginning SET reminders_began_at = %s")
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(statement, (instant,))

    def add_person(self, name: str, **properties: Any) -> UUID:
        """Add a person. Return the id."""
        id = uuid4()
        email = f"{name.lower().replace(' ', '.')}@example.com"
        payload = {"name": name, "email": email, "time_zone": "Europe/Madrid", "roles": ("member",)}
        self.append_event(id, PersonAdded, **payload | properties)
        return id

    def create_meeting_type(self, name: str = "Introduction", **properties: Any) -> UUID:
        """Create a meeting type. Return the id."""
        id = uuid4()
        self.append_event(id, MeetingTypeCreated, name=name, **{"duration_minutes": 30} | properties)
        return id

    def create_link(self, owner: UUID, meeting_type: UUID, name: str = "Meet me", **properties: Any) -> UUID:
        """Create a link. Return the id."""
        id = uuid4()
        self.append_event(id, LinkCreated, **self.build_link_properties(owner, meeting_type, name, **properties))
        return id

    def build_link_properties(self, owner: UUID, meeting_type: UUID, name: str, **properties: Any) -> dict[str, Any]:
        """Build all properties of a link."""
        payload = {"kind": "standard", "name": name, "slug": name.lower().replace(" ", "-"), "owner_id": owner}
        return {**payload, "meeting_type_id": meeting_type, **properties}

    def create_managed_link(
        self, hosts: list[UUID], meeting_type: UUID, name: str = "Sales", **properties: Any
    ) -> UUID:
        """Create a managed link. Return the id."""
        id = uuid4()
        payload = {"name": name, "slug": name.lower(), "meeting_type_id": meeting_type, "host_ids": tuple(hosts)}
        self.append_event(id, ManagedLinkCreated, **payload | properties)
        return id

    def issue_single_use_link(
        self, link: UUID, issuer: UUID, name: str | None = None, label: str | None = None
    ) -> UUID:
        """Issue a single-use link. Return the id."""
        id = uuid4()
        recipient = {"name": name, "email": f"{name.lower()}@recipients.example"} if name else None
        words = f"{name or ''} {recipient['email'] if recipient else ''} {label or ''}"
        data = {"recipient": recipient, "label": label, "metadata": {"deal": "42"}}
        self.append_with_details(id, SingleUseIssued, data, words, link_id=link, issued_by=issuer)
        return id

    def revoke_single_use_link(self, token: UUID) -> None:
        """Revoke a single-use link."""
        self.append_with_details(token, SingleUseRevoked, {"reason": "sent by mistake"}, "")

    def book_meeting(
        self, link: UUID, hosts: list[UUID], meeting_type: UUID, starts_at: datetime, token: UUID | None = None,
        guest: str = "Ada", kind: str = "standard", **scheduled: Any,
    ) -> UUID:  # fmt: skip
        """Book a meeting, on a single-use link or on a core link. Return the id."""
        preceding = []
        if token is None:
            token = uuid4()
            preceding.append(self.build_event(token, DirectIssued, link_id=link))
        email = f"{guest.split()[0].lower()}@guests.example"
        data = {"guest": {"name": guest, "email": email, "time_zone": "Asia/Tokyo"}, "notes": "see you"}
        data["answers"] = [{"key": "city", "label": "Your city", "kind": "short", "value": "Kyoto"}]
        self.append_with_details(
            token, MeetingBooked, data, f"{guest} {email}", preceding, link_id=link, link_kind=kind, link_version=1,
            meeting_type_id=meeting_type, meeting_type_version=1, host_ids=tuple(hosts),
            host_versions=(1,) * len(hosts), **build_meeting_times(starts_at), **scheduled,
        )  # fmt: skip
        return token

    def reschedule_meeting(self, token: UUID, previous: datetime, starts_at: datetime) -> None:
        """Reschedule a meeting."""
        self.append_event(
            token, Rescheduled, previous_starts_at=previous, meeting_type_version=1, **build_meeting_times(starts_at)
        )

    def reassign_meeting(self, token: UUID, previous_hosts: list[UUID], hosts: list[UUID], starts_at: datetime) -> None:
        """Reassign a meeting to other hosts."""
        payload = {
            "previous_host_ids": tuple(previous_hosts),
            "host_ids": tuple(hosts),
            "host_versions": (1,) * len(hosts),
        }
        self.append_event(token, MeetingReassigned, meeting_type_version=1, **payload, **build_meeting_times(starts_at))

    def cancel_meeting(self, token: UUID, cancelled_by: str = "guest") -> UUID:
        """Cancel a meeting. Return the id of the personal details."""
        return self.append_with_details(token, MeetingCancelled, {"reason": "ill"}, "", cancelled_by=cancelled_by)

    def erase_details(self, details: UUID) -> None:
        """Erase personal details."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(
                self.database.compose_query("DELETE FROM {schema}.personal_details WHERE id = %s"), (details,)
            )

    def append_malformed_event(self, stream: UUID, name: str, data: dict[str, Any]) -> None:
        """Append an event that the service would never write."""
        self.versions[stream] = self.versions.get(stream, 0) + 1
        stored = {"stream": str(stream), "version": self.versions[stream], "type": name, "data": data}
        self.database.fetch_rows(APPEND, (json.dumps([stored]), "[]"))


def build_meeting_times(starts_at: datetime) -> dict[str, datetime]:
    """Build the times of a meeting of half an hour without buffers."""
    ends_at = starts_at + timedelta(minutes=30)
    return {"starts_at": starts_at, "ends_at": ends_at, "held_from": starts_at, "held_until": ends_at}


def follow_log(database: Database, limit: int = 1_000) -> int:
    """Project everything that is in the log, as the follower does. Return the position reached."""
    head = read_positions(database).head
    with database.connect() as connection:
        projector = BatchProjector(database, connection, READ_MODELS)
        reached = projector.project_batch(head, limit)
        while reached < head:
            reached = projector.project_batch(head, limit)
    return reached


def find_differences(database: Database) -> Iterator[str]:
    """Find the read models whose live table is not the fold of the log up to the follower's position.

    Each is compared in one statement, so in one snapshot, whatever changes meanwhile.
    """
    live_tables = find_live_tables(database.fetch_rows)
    for model in READ_MODELS:
        live = f'SELECT {model.columns} FROM {{schema}}."{live_tables[model.name].table}"'
        fold = model.build_fold_query(until=True)
        query = f"(({live}) EXCEPT ALL ({fold})) UNION ALL (({fold}) EXCEPT ALL ({live}))"
        if database.fetch_rows(f"SELECT FROM ({query}) AS different".replace("%(log_until)s", FOLLOWER_POSITION)):
            yield model.name


@contextmanager
def hold_fence(database: Database) -> Iterator[None]:
    """Hold the fence, as a writer does, while the context lasts."""
    with psycopg.connect(database.url) as connection:
        connection.execute(FENCE, (database.schema,))
        yield
