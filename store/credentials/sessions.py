"""Sessions of the pages, and sign-in with a one-time code."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from store.credentials.api_keys import CredentialHolder, hash_secret
from store.database import Database

SESSION_LIFETIME = timedelta(days=30)
SELECT_HOLDER = """
SELECT s.person_id, s.created_at,
       (SELECT max(e.version) FROM {schema}.events e WHERE e.stream_id = s.person_id) AS version
FROM {schema}.sessions s WHERE s.hash = %s AND s.expires_at > %s
"""
SELECT_USABLE_CODE = (
    "SELECT person_id FROM {schema}.sign_in_codes WHERE hash = %s AND used_at IS NULL AND expires_at > %s"
)
# One statement, never sent twice: when two requests bring the same code at once, the second one finds it used.
BEGIN_SESSION = """
WITH used AS (
    UPDATE {schema}.sign_in_codes SET used_at = %(now)s
    WHERE hash = %(code)s AND used_at IS NULL AND expires_at > %(now)s RETURNING person_id
)
INSERT INTO {schema}.sessions (hash, person_id, created_at, expires_at)
SELECT %(session)s, person_id, %(now)s, %(until)s FROM used RETURNING person_id
"""
END_SESSION = "DELETE FROM {schema}.sessions WHERE hash = %s RETURNING person_id"
END_ALL_SESSIONS = """
WITH ended AS (DELETE FROM {schema}.sessions WHERE person_id = %(person)s RETURNING 1),
     unused AS (DELETE FROM {schema}.sign_in_codes WHERE person_id = %(person)s AND used_at IS NULL RETURNING 1)
SELECT count(*) AS sessions FROM ended
"""
DELETE_EXPIRED = """
WITH sessions AS (DELETE FROM {schema}.sessions WHERE expires_at <= %(now)s RETURNING 1),
     codes AS (DELETE FROM {schema}.sign_in_codes WHERE expires_at <= %(now)s RETURNING 1)
SELECT count(*) FROM sessions
"""


class Sessions:
    """Stores sessions. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_holder(self, secret: str, now: datetime) -> CredentialHolder | None:
        """Returns the holder of a session, or None."""
        rows = self.database.fetch_rows(SELECT_HOLDER, (hash_secret(secret), now))
        return CredentialHolder(**rows[0]) if rows and rows[0]["version"] else None

    def find_person_of_code(self, code: str, now: datetime) -> UUID | None:
        """Returns the id of the person that a sign-in code would sign in, or None. It changes nothing."""
        rows = self.database.fetch_rows(SELECT_USABLE_CODE, (hash_secret(code), now))
        return rows[0]["person_id"] if rows else None

    def begin_session(self, code: str, now: datetime) -> str | None:
        """Uses a sign-in code and begins a session. Returns its secret, or None for a code that cannot be used."""
        secret = secrets.token_urlsafe(32)
        params = {
            "code": hash_secret(code),
            "session": hash_secret(secret),
            "now": now,
            "until": now + SESSION_LIFETIME,
        }
        with self.database.acquire_connection() as connection:  # not sent again when the connection is lost
            rows = connection.execute(self.database.compose_query(BEGIN_SESSION), params).fetchall()
        return secret if rows else None

    def end_session(self, secret: str) -> None:
        """Ends a session."""
        self.database.fetch_rows(END_SESSION, (hash_secret(secret),))

    def end_all_sessions(self, person_id: UUID) -> int:
        """Ends a person's sessions and unused sign-in codes. Returns the number of sessions."""
        return int(self.database.fetch_rows(END_ALL_SESSIONS, {"person": person_id})[0]["sessions"])

    def delete_expired(self, now: datetime) -> None:
        """Deletes expired sessions and sign-in codes."""
        self.database.fetch_rows(DELETE_EXPIRED, {"now": now})
