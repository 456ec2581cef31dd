"""The eventsourcing library's own ProjectionRunner, for comparison: the same events, a simpler meeting log."""

import time
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from api.server import DATABASE, OWNER_ROLE
from domain.event_mapper import EventMapper
from store.embedded.server import Server

SCHEMA = "library"
VIEW = f"""
CREATE TABLE {SCHEMA}.meeting_log (booking_id uuid PRIMARY KEY, status text NOT NULL, starts_at timestamptz);
CREATE INDEX by_start ON {SCHEMA}.meeting_log (starts_at, booking_id);
"""
UPSERT = f"""
INSERT INTO {SCHEMA}.meeting_log (booking_id, status, starts_at) VALUES (%s, %s, %s)
ON CONFLICT (booking_id)
DO UPDATE SET status = excluded.status, starts_at = coalesce(excluded.starts_at, meeting_log.starts_at)
"""
COPY = f"""
INSERT INTO {SCHEMA}.log_events (originator_id, originator_version, topic, state)
SELECT stream_id, version, type, convert_to(data::text, 'UTF8') FROM oncelink.events ORDER BY position LIMIT %s
"""
STATES = {"MeetingBooked": "scheduled", "Rescheduled": "rescheduled", "MeetingCancelled": "cancelled"}


class Log(Application[UUID]):
    """The library's application over its own tables, with our events."""

    name = "log"

    def construct_mapper(self) -> Any:
        """Return the mapper of domain events, with their stored names instead of import paths."""
        return EventMapper()


class View(PostgresTrackingRecorder):
    """A meeting log as the library's examples write one: an upsert and the tracking record, in one transaction."""

    def upsert_meeting(self, booking_id: UUID, status: str | None, starts_at: Any, tracking: Tracking) -> None:
        """Apply the change of one event."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            if status:
                cursor.execute(UPSERT, (booking_id, status, starts_at))


class MeetingLog(Projection[View]):
    """The projection: one call for each event."""

    name = "view"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Fold one event."""
        status = STATES.get(type(domain_event).__name__)
        self.view.upsert_meeting(domain_event.originator_id, status, getattr(domain_event, "starts_at", None), tracking)


def measure_events_per_second(server: Server, events: int) -> float:
    """Measure how many events the runner handles per second."""
    url = server.build_url(OWNER_ROLE, DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(VIEW)
    Log(env=build_settings(url)).close()  # makes its tables
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(COPY, (events,))
        (last,) = connection.execute(f"SELECT max(notification_id) FROM {SCHEMA}.log_events").fetchone() or (0,)
    started_at = time.perf_counter()
    with ProjectionRunner(
        application_class=Log, projection_class=MeetingLog, view_class=View, env=build_settings(url)
    ) as runner:
        runner.wait(last, timeout=600)
        return events / (time.perf_counter() - started_at)


def build_settings(url: str) -> dict[str, str]:
    """Build the library's settings for a database."""
    parameters = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parameters["dbname"]),
        "POSTGRES_HOST": str(parameters["host"]),
        "POSTGRES_PORT": str(parameters.get("port", 5432)),
        "POSTGRES_USER": str(parameters["user"]),
        "POSTGRES_PASSWORD": str(parameters.get("password", "none")),
        "POSTGRES_SCHEMA": SCHEMA,
    }
