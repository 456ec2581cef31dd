"""Everybody's secret calendar address: one at a time, made anew or ended whenever its person likes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Database

COLUMNS = "id, person_id, created_at, ended_at"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '.calendar_feed.' || %s, 0))"
ONE = f"SELECT {COLUMNS} FROM {{schema}}.calendar_feeds WHERE id = %s"
OF_PERSON = f"SELECT {COLUMNS} FROM {{schema}}.calendar_feeds WHERE person_id = %s AND ended_at IS NULL"
END = "UPDATE {schema}.calendar_feeds SET ended_at = %s WHERE person_id = %s AND ended_at IS NULL RETURNING id"
MAKE = "INSERT INTO {schema}.calendar_feeds (id, person_id, created_at) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar address, in use until it was ended."""

    id: UUID
    person_id: UUID
    created_at: datetime
    ended_at: datetime | None


class Feeds:
    """Makes, finds and ends calendar addresses. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def one(self, id: UUID) -> Feed | None:
        """An address in use."""
        found = self.ever(id)
        return found if found and found.ended_at is None else None

    def ever(self, id: UUID) -> Feed | None:
        """An address that was made once, whatever became of it."""
        return next((Feed(**row) for row in self.database.rows(ONE, (id,))), None)

    def of_person(self, person_id: UUID) -> Feed | None:
        """The address that a person has in use."""
        return next((Feed(**row) for row in self.database.rows(OF_PERSON, (person_id,))), None)

    def make(self, id: UUID, person_id: UUID, now: datetime) -> bool:
        """Makes an address, and ends the one before; False when this one was made before, whatever became of it."""
        with self.database.connection() as connection, connection.transaction():
            connection.execute(ONE_AT_A_TIME, (self.database.schema, str(person_id)))
            if connection.execute(self.database.text(ONE), (id,)).fetchone():
                return False
            connection.execute(self.database.text(END), (now, person_id))
            connection.execute(self.database.text(MAKE), (id, person_id, now))
        return True

    def end(self, person_id: UUID, now: datetime) -> bool:
        """Ends the address that a person has in use; False when there is none."""
        rows: list[Any] = self.database.rows(END, (now, person_id))
        return bool(rows)
