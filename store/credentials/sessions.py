"""Sessions of the pages, signing in with a one-time code, and how often somebody asked for one."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.credentials.api_keys import Holder, hashed
from store.database import Database

VALID = timedelta(days=30)
HOLDER = """
SELECT s.person_id, s.created_at,
       (SELECT max(e.version) FROM {schema}.events e WHERE e.stream_id = s.person_id) AS version
FROM {schema}.sessions s WHERE s.hash = %s AND s.expires_at > %s
"""
USABLE = "SELECT person_id FROM {schema}.sign_in_codes WHERE hash = %s AND used_at IS NULL AND expires_at > %s"
# One statement decides: of two who bring the same code at once, the second finds it used. It is never sent twice.
SIGN_IN = """
WITH used AS (
    UPDATE {schema}.sign_in_codes SET used_at = %(now)s
    WHERE hash = %(code)s AND used_at IS NULL AND expires_at > %(now)s RETURNING person_id
)
INSERT INTO {schema}.sessions (hash, person_id, created_at, expires_at)
SELECT %(session)s, person_id, %(now)s, %(until)s FROM used RETURNING person_id
"""
END = "DELETE FROM {schema}.sessions WHERE hash = %s RETURNING person_id"
END_ALL = """
WITH ended AS (DELETE FROM {schema}.sessions WHERE person_id = %(person)s RETURNING 1),
     unused AS (DELETE FROM {schema}.sign_in_codes WHERE person_id = %(person)s AND used_at IS NULL RETURNING 1)
SELECT count(*) AS sessions FROM ended
"""
FORGET = """
WITH sessions AS (DELETE FROM {schema}.sessions WHERE expires_at <= %(now)s RETURNING 1),
     codes AS (DELETE FROM {schema}.sign_in_codes WHERE expires_at <= %(now)s RETURNING 1),
     requests AS (
         DELETE FROM {schema}.sign_in_requests WHERE quarter < %(now)s::timestamptz - interval '1 hour' RETURNING 1
     )
SELECT count(*) FROM sessions
"""
COUNT = """
INSERT INTO {schema}.sign_in_requests (asker, quarter, requests)
VALUES (%s, date_bin('15 minutes', %s::timestamptz, '2000-01-01Z'), 1)
ON CONFLICT (asker, quarter) DO UPDATE SET requests = sign_in_requests.requests + 1 RETURNING requests
"""


class Sessions:
    """Begins, finds and ends sessions. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def holder(self, secret: str, now: datetime) -> Holder | None:
        """Whose session it is."""
        rows = self.database.rows(HOLDER, (hashed(secret), now))
        return Holder(**rows[0]) if rows and rows[0]["version"] else None

    def usable(self, code: str, now: datetime) -> UUID | None:
        """Whom a sign-in code would sign in; changes nothing."""
        rows = self.database.rows(USABLE, (hashed(code), now))
        return rows[0]["person_id"] if rows else None

    def begin(self, code: str, now: datetime) -> str | None:
        """Uses a sign-in code up and begins a session; its secret, or None for a code that is used, old or unknown."""
        secret = secrets.token_urlsafe(32)
        params = {"code": hashed(code), "session": hashed(secret), "now": now, "until": now + VALID}
        return secret if self._once(SIGN_IN, params) else None

    def end(self, secret: str) -> None:
        """Ends a session."""
        self.database.rows(END, (hashed(secret),))

    def end_all(self, person_id: UUID) -> int:
        """Ends all sessions of a person and what could begin another; how many sessions there were."""
        return int(self.database.rows(END_ALL, {"person": person_id})[0]["sessions"])

    def forget(self, now: datetime) -> None:
        """Clears away what has expired."""
        self.database.rows(FORGET, {"now": now})

    def requests_this_quarter(self, asker: str, now: datetime) -> int:
        """Counts a request for a sign-in link; how many this asker made in this quarter of an hour."""
        [row] = self._once(COUNT, (hashlib.sha256(asker.encode()).digest(), now))
        return int(row["requests"])

    def _once(self, statement: Any, params: Any) -> list[dict[str, Any]]:
        """The rows of a statement that must not be sent again when the connection is lost."""
        with self.database.connection() as connection:
            return connection.execute(self.database.text(statement), params).fetchall()
