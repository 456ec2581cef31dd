"""Which person an identity of the OpenID provider is: a plain table, one identity for each person."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store.credentials.api_keys import hash_secret
from store.database import Database

SELECT_PERSON = "SELECT person_id FROM {schema}.identities WHERE issuer = %s AND subject = %s"
SELECT_IDENTITY = "SELECT issuer, subject, bound_at FROM {schema}.identities WHERE person_id = %s"
INSERT_IDENTITY = """
INSERT INTO {schema}.identities (issuer, subject, person_id, bound_at) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING person_id
"""
DELETE_IDENTITY = """
WITH ended AS (DELETE FROM {schema}.sessions WHERE person_id = %(person)s AND issuer IS NOT NULL)
DELETE FROM {schema}.identities WHERE person_id = %(person)s RETURNING issuer
"""
END_SESSIONS = """
WITH old AS (DELETE FROM {schema}.logout_tokens WHERE expires_at < %(now)s),
token AS (
    INSERT INTO {schema}.logout_tokens (hash, expires_at) VALUES (%(hash)s, %(until)s)
    ON CONFLICT DO NOTHING RETURNING hash
)
DELETE FROM {schema}.sessions
WHERE EXISTS (SELECT FROM token) AND issuer = %(issuer)s
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(session)s::text IS NULL OR provider_session = %(session)s)
RETURNING person_id
"""


class Identity(NamedTuple):
    """Somebody at an OpenID provider: the pair that never changes and is never given to anybody else."""

    issuer: str
    subject: str


class Identities:
    """Stores identities. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_person(self, identity: Identity) -> UUID | None:
        """Returns the person who is bound to an identity, or None."""
        rows = self.database.fetch_rows(SELECT_PERSON, tuple(identity))
        return rows[0]["person_id"] if rows else None

    def find_identity(self, person_id: UUID) -> dict[str, Any] | None:
        """Returns a person's identity, or None: issuer, subject, bound_at."""
        return next(iter(self.database.fetch_rows(SELECT_IDENTITY, (person_id,))), None)

    def bind(self, identity: Identity, person_id: UUID, now: datetime) -> bool:
        """Binds an identity to a person. Returns False when either is bound already, then nothing changes."""
        return bool(self.database.fetch_rows(INSERT_IDENTITY, (*identity, person_id, now)))

    def unbind(self, person_id: UUID) -> bool:
        """Ends a person's bond and the sessions that began with it. Returns False when there was none."""
        return bool(self.database.fetch_rows(DELETE_IDENTITY, {"person": person_id}))

    def end_sessions(
        self, token: str, issuer: str, subject: str | None, session: str | None, now: datetime, until: datetime
    ) -> list[UUID]:
        """Ends the sessions that a logout token names, once for each token. Returns whose sessions they were."""
        params = {
            "hash": hash_secret(token),
            "issuer": issuer,
            "subject": subject,
            "session": session,
            "now": now,
            "until": until,
        }
        return [row["person_id"] for row in self.database.fetch_rows(END_SESSIONS, params)]
