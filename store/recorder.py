"""The eventsourcing library's recorder over our own log: one append function, one round trip."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
    Transcoder,
)

from domain.event import Event
from domain.log import Conditions, OutcomeUnknown, StaleRead
from domain.refusals import EmailTaken, LinkUnconfirmed, SlotTaken, SlugTaken
from store.database import Database, DatabaseAway

APPEND = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"
# a slot that a host's own calendar fills is taken; asked in the statement that appends, so it costs no round trip
APPEND_UNLESS_BUSY = """
SELECT CASE WHEN EXISTS (
    SELECT FROM {schema}.busy_intervals WHERE person_id = ANY (%s) AND during && tstzrange(%s, %s)
) THEN NULL ELSE {schema}.append(%s, %s, %s, %s, %s, %s) END AS positions
"""
TAKEN = {"slug_taken": SlugTaken, "email_taken": EmailTaken}
EVENTS = """
SELECT originator_id, originator_version, topic, state, notification_id FROM {schema}.stored_events
"""


class EventMapper(Mapper[UUID]):
    """Turns domain events into what is stored, under their written-out names, and back."""

    def __init__(self) -> None:
        """Nothing to configure: no transcoder, no cipher, no topics resolved from database text."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        event = cast(Event, domain_event)
        state = event.model_dump_json().encode()
        return StoredEvent(event.originator_id, event.originator_version, event.stored_name, state)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        id = cast(UUID, stored_event.originator_id)
        data = json.loads(stored_event.state)
        return Event.stored(id, stored_event.originator_version, stored_event.topic, data)


class LogRecorder(ApplicationRecorder):
    """Appends through `append` and reads the log; what else must hold comes as `conditions` from the command."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.append = database.text(APPEND)
        self.append_unless_busy = database.text(APPEND_UNLESS_BUSY)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Appends events under their conditions.

        Raises StaleRead, SlotTaken, SlugTaken, EmailTaken, LinkUnconfirmed, OutcomeUnknown when the answer was lost,
        DatabaseAway.
        """
        conditions = kwargs.get("conditions") or Conditions()
        params: list[Any] = [*busy_arguments(conditions), *arguments(stored_events, conditions)]
        with self.database.connection() as connection:
            try:
                statement = self.append_unless_busy if conditions.reserve else self.append
                row = connection.execute(statement, params).fetchone()
            except psycopg.Error as error:
                refuse(error)
        if row and row["positions"] is None:
            raise SlotTaken
        return cast(Sequence[int], row["positions"]) if row else ()

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """One stream's events, in order of version."""
        query = f"""{EVENTS} WHERE originator_id = %s AND originator_version > %s
            AND originator_version <= coalesce(%s, 2147483647)
            ORDER BY originator_version {"DESC" if desc else "ASC"} LIMIT %s"""
        return [stored(row) for row in self.database.rows(query, (originator_id, gt or 0, lte, limit))]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """A piece of the log in order of position."""
        query = f"""{EVENTS} WHERE notification_id >= %s AND notification_id <= coalesce(%s, 9223372036854775807)
            AND (%s::text[] = '{{{{}}}}' OR topic = ANY (%s)) ORDER BY notification_id LIMIT %s"""
        first = (start or 0) + (0 if inclusive_of_start else 1)
        rows = self.database.rows(query, (first, stop, list(topics), list(topics), limit))
        return [Notification(id=row["notification_id"], **fields(row)) for row in rows]

    def max_notification_id(self) -> int | None:
        """The last position visible to this statement: a place to look, not a settled one."""
        [row] = self.database.rows("SELECT max(position) AS position FROM {schema}.events")
        return cast(int | None, row["position"])

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Not offered: `projections.following.follower` follows settled positions. Raises NotImplementedError."""
        raise NotImplementedError("readers follow settled positions, see projections.following.follower")


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Builds the library's parts over one database."""

    def __init__(self, database: Database) -> None:
        super().__init__({})
        self.database = database

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: Any = None) -> Any:
        return EventMapper()

    def application_recorder(self) -> ApplicationRecorder:
        return LogRecorder(self.database)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        return LogRecorder(self.database)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> NoReturn:
        raise NotImplementedError("read models keep their own position, see projections.following.follower")

    def process_recorder(self) -> ProcessRecorder:
        raise NotImplementedError("read models keep their own position, see projections.following.follower")


def busy_arguments(conditions: Conditions) -> list[Any]:
    """Whose calendars must be free from when to when, where something is reserved."""
    hold = conditions.reserve
    if hold is None:
        return []
    asked = hold.host_ids if hold.newcomers is None else hold.newcomers
    return [list(asked), hold.interval.start, hold.interval.end]


def arguments(events: Sequence[StoredEvent], conditions: Conditions) -> list[str]:
    """The JSON arguments of `append`, in its order."""
    reserve = conditions.reserve
    reserved = {} if reserve is None else {str(host): False for host in reserve.host_ids}
    hosts = reserved | {str(host): True for host in conditions.release_hosts}
    return [
        "[" + ",".join(map(event_argument, events)) + "]",
        json.dumps([[str(one.id), one.version] for one in conditions.reads]),
        json.dumps(list(hosts.items())),
        json.dumps([{"kind": c.kind, "value": c.value, "stream": str(c.stream_id)} for c in conditions.claims]),
        json.dumps(reservations_argument(conditions)),
        json.dumps(details_argument(conditions)),
    ]


def details_argument(conditions: Conditions) -> list[dict[str, Any]]:
    """The personal details that an append keeps, and the address of which it leaves none."""
    kept = [
        {"id": str(d.id), "stream": str(d.stream_id), "salt": d.salt.hex(), "data": d.data, "words": d.words}
        for d in conditions.details
    ]
    return kept if conditions.erased_address is None else [*kept, {"erase": conditions.erased_address}]


def event_argument(event: StoredEvent) -> str:
    """One event for `append`; its data is JSON already."""
    data = event.state.decode()
    version = event.originator_version
    return f'{{"stream":"{event.originator_id}","version":{version},"type":"{event.topic}","data":{data}}}'


def reservations_argument(conditions: Conditions) -> dict[str, Any]:
    """What an append releases and what it reserves."""
    hold = conditions.reserve
    return {
        "release": [] if conditions.release is None else [str(conditions.release)],
        "reserve": []
        if hold is None
        else [
            {
                "booking": str(hold.booking_id),
                "host": str(host),
                "start": hold.interval.start.isoformat(),
                "end": hold.interval.end.isoformat(),
            }
            for host in hold.host_ids
        ],
    }


def refuse(error: psycopg.Error) -> NoReturn:
    """Says in the domain's words why an append did not happen, or that nobody knows whether it did."""
    match error.sqlstate:
        case "OL001" | "40001" | "40P01" | "23505":
            raise StaleRead from error
        case "OL002":
            raise TAKEN[str(error.diag.message_primary)] from error
        case "OL003":
            raise SlotTaken from error
        case "OL004":
            raise LinkUnconfirmed from error
        case "55P03" | "57014" | "53300":
            raise DatabaseAway(str(error)) from error
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        raise OutcomeUnknown from error
    raise error


def fields(row: dict[str, Any]) -> dict[str, Any]:
    """The columns that stored events and notifications share."""
    return {
        "originator_id": row["originator_id"],
        "originator_version": row["originator_version"],
        "topic": row["topic"],
        "state": bytes(row["state"]),
    }


def stored(row: dict[str, Any]) -> StoredEvent:
    """A row of the log in the library's words."""
    return StoredEvent(**fields(row))


__all__ = ["LogFactory", "LogRecorder", "Tracking"]
