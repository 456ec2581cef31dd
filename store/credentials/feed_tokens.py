"""The secret calendar addresses of people: at most one active for each person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Database

COLUMNS = "id, person_id, created_at, ended_at"
LOCK_PERSON = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '.calendar_feed.' || %s, 0))"
SELECT_FEED = f"SELECT {COLUMNS} FROM {{schema}}.calendar_feeds WHERE id = %s"
SELECT_FEED_OF_PERSON = f"SELECT {COLUMNS} FROM {{schema}}.calendar_feeds WHERE person_id = %s AND ended_at IS NULL"
END_FEED = "UPDATE {schema}.calendar_feeds SET ended_at = %s WHERE person_id = %s AND ended_at IS NULL RETURNING id"
INSERT_FEED = "INSERT INTO {schema}.calendar_feeds (id, person_id, created_at) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class FeedToken:
    """A calendar address, active until `ended_at`."""

    id: UUID
    person_id: UUID
    created_at: datetime
    ended_at: datetime | None


class FeedTokens:
    """Stores calendar addresses. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_active_token(self, id: UUID) -> FeedToken | None:
        """Returns an active address, or None."""
        token = self.find_token(id)
        return token if token and token.ended_at is None else None

    def find_token(self, id: UUID) -> FeedToken | None:
        """Returns an address, active or ended, or None."""
        return next((FeedToken(**row) for row in self.database.fetch_rows(SELECT_FEED, (id,))), None)

    def find_token_of_person(self, person_id: UUID) -> FeedToken | None:
        """Returns the active address of a person, or None."""
        return next((FeedToken(**row) for row in self.database.fetch_rows(SELECT_FEED_OF_PERSON, (person_id,))), None)

    def create_token(self, id: UUID, person_id: UUID, now: datetime) -> bool:
        """Creates an address and ends the one before. Returns False when this id exists already."""
        with self.database.acquire_connection() as connection, connection.transaction():
            connection.execute(LOCK_PERSON, (self.database.schema, str(person_id)))
            if connection.execute(self.database.compose_query(SELECT_FEED), (id,)).fetchone():
                return False
            connection.execute(self.database.compose_query(END_FEED), (now, person_id))
            connection.execute(self.database.compose_query(INSERT_FEED), (id, person_id, now))
        return True

    def end_token(self, person_id: UUID, now: datetime) -> bool:
        """Ends the active address of a person. Returns False when there is none."""
        rows: list[Any] = self.database.fetch_rows(END_FEED, (now, person_id))
        return bool(rows)
