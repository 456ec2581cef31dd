"""Sessions of the pages, and sign-in with a one-time code."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.credentials.api_keys import CredentialHolder, hash_secret
from store.credentials.identities import Identity
from store.database import Database

SESSION_LIFETIME = timedelta(days=30)
DEFAULT_IDLE_LIMIT = timedelta(days=7)
USE_GRANULARITY = timedelta(minutes=5)  # a use is recorded at most so often, so that reading a page rarely writes
SELECT_HOLDER = """
SELECT s.person_id, s.created_at, s.used_at,
       (SELECT max(e.version) FROM {schema}.events e WHERE e.stream_id = s.person_id) AS version
FROM {schema}.sessions s WHERE s.hash = %(hash)s AND s.expires_at > %(now)s AND s.used_at > %(idle_since)s
"""
RECORD_USE = "UPDATE {schema}.sessions SET used_at = %s WHERE hash = %s AND used_at < %s RETURNING person_id"
# a code without created_at was made by the version before, which gave each 15 minutes
SELECT_USABLE_CODE = """
SELECT person_id, coalesce(created_at, expires_at - interval '15 minutes') AS created_at
FROM {schema}.sign_in_codes WHERE hash = %s AND used_at IS NULL AND expires_at > %s
"""
# One statement, never sent twice: when two requests bring the same code at once, the second one finds it used.
BEGIN_SESSION = """
WITH used AS (
    UPDATE {schema}.sign_in_codes SET used_at = %(now)s
    WHERE hash = %(code)s AND used_at IS NULL AND expires_at > %(now)s RETURNING person_id
), ended AS (
    DELETE FROM {schema}.sessions WHERE hash = ANY(%(previous)s) AND EXISTS (SELECT FROM used)
)
INSERT INTO {schema}.sessions (hash, person_id, created_at, used_at, expires_at)
SELECT %(session)s, person_id, %(now)s, %(now)s, %(until)s FROM used RETURNING person_id
"""
BEGIN_SESSION_OF_IDENTITY = """
WITH ended AS (DELETE FROM {schema}.sessions WHERE hash = ANY(%(previous)s))
INSERT INTO {schema}.sessions (
    hash, person_id, created_at, used_at, expires_at, issuer, subject, provider_session, id_token
) VALUES (
    %(session)s, %(person)s, %(now)s, %(now)s, %(until)s, %(issuer)s, %(subject)s, %(provider_session)s, %(id_token)s
) RETURNING person_id
"""
END_SESSION = "DELETE FROM {schema}.sessions WHERE hash = %s RETURNING person_id, id_token"
SESSION_ID = "encode(substring(sha256(hash), 1, 16), 'hex')::uuid"  # tells sessions apart, and opens none
SELECT_SESSIONS = f"""
SELECT {SESSION_ID} AS id, created_at, used_at AS last_used_at, expires_at, issuer IS NOT NULL AS by_provider,
       coalesce(hash = %(own)s, false) AS is_current
FROM {{schema}}.sessions
WHERE person_id = %(person)s AND expires_at > %(now)s AND used_at > %(idle_since)s ORDER BY created_at DESC, id
"""
END_SESSION_BY_ID = f"DELETE FROM {{schema}}.sessions WHERE {SESSION_ID} = %s RETURNING person_id"
SELECT_SESSION_HOLDER = f"SELECT person_id FROM {{schema}}.sessions WHERE {SESSION_ID} = %s"
END_ALL_SESSIONS = """
WITH ended AS (DELETE FROM {schema}.sessions WHERE person_id = %(person)s RETURNING 1),
     unused AS (DELETE FROM {schema}.sign_in_codes WHERE person_id = %(person)s AND used_at IS NULL RETURNING 1),
     agreed AS (DELETE FROM {schema}.pairing_codes WHERE person_id = %(person)s AND used_at IS NULL RETURNING 1)
SELECT count(*) AS sessions FROM ended
"""
DELETE_EXPIRED = """
WITH sessions AS (
    DELETE FROM {schema}.sessions WHERE expires_at <= %(now)s OR used_at <= %(idle_since)s RETURNING 1
),
     codes AS (DELETE FROM {schema}.sign_in_codes WHERE expires_at <= %(now)s RETURNING 1)
SELECT count(*) FROM sessions
"""


@dataclass(frozen=True, slots=True)
class SignInCode:
    """A sign-in code that can still be used: whom it signs in, and when it was made."""

    person_id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """The session at the OpenID provider that a session here began with; its ID token is encrypted."""

    identity: Identity
    id: str | None
    encrypted_id_token: bytes = field(repr=False)


class Sessions:
    """Stores sessions. Every method raises DatabaseAway when the database does not answer.

    A session that is not used for the idle limit is over, as is one of 30 days.
    """

    def __init__(self, database: Database, idle_limit: timedelta = DEFAULT_IDLE_LIMIT) -> None:
        self.database = database
        self.idle_limit = idle_limit

    def find_holder(self, secret: str, now: datetime) -> CredentialHolder | None:
        """Returns the holder of a session, or None; records that it was used."""
        params = {"hash": hash_secret(secret), "now": now, "idle_since": now - self.idle_limit}
        row = next(iter(self.database.fetch_rows(SELECT_HOLDER, params)), None)
        if row is None or not row["version"]:
            return None
        if row.pop("used_at") < now - USE_GRANULARITY:
            self.database.fetch_rows(RECORD_USE, (now, params["hash"], now))
        return CredentialHolder(**row)

    def find_usable_code(self, code: str, now: datetime) -> SignInCode | None:
        """Returns a sign-in code that was not used and has not expired, or None. It changes nothing."""
        rows = self.database.fetch_rows(SELECT_USABLE_CODE, (hash_secret(code), now))
        return SignInCode(**rows[0]) if rows else None

    def begin_session(self, code: str, now: datetime, previous_secrets: Collection[str] = ()) -> str | None:
        """Uses a sign-in code, begins a session and ends those that the browser had before.

        Returns the session's secret, or None for a code that cannot be used; then nothing ends.
        """
        secret = secrets.token_urlsafe(32)
        params = {
            "code": hash_secret(code),
            "session": hash_secret(secret),
            "previous": [hash_secret(previous) for previous in previous_secrets],
            "now": now,
            "until": now + SESSION_LIFETIME,
        }
        with self.database.acquire_connection() as connection:  # not sent again when the connection is lost
            rows = connection.execute(self.database.compose_query(BEGIN_SESSION), params).fetchall()
        return secret if rows else None

    def begin_session_of_identity(
        self, person_id: UUID, provider_session: ProviderSession, now: datetime, previous_secrets: Collection[str] = ()
    ) -> str:
        """Begins the session of somebody who came from the OpenID provider, and ends those the browser had before.

        Returns the session's secret.
        """
        secret = secrets.token_urlsafe(32)
        params = {
            "session": hash_secret(secret),
            "person": person_id,
            "now": now,
            "until": now + SESSION_LIFETIME,
            "issuer": provider_session.identity.issuer,
            "subject": provider_session.identity.subject,
            "provider_session": provider_session.id,
            "id_token": provider_session.encrypted_id_token,
            "previous": [hash_secret(previous) for previous in previous_secrets],
        }
        self.database.fetch_rows(BEGIN_SESSION_OF_IDENTITY, params)
        return secret

    def end_session(self, secret: str) -> bytes | None:
        """Ends a session. Returns the encrypted ID token that it began with, if it came from the OpenID provider."""
        rows = self.database.fetch_rows(END_SESSION, (hash_secret(secret),))
        return rows[0]["id_token"] if rows else None

    def list_sessions(self, person_id: UUID, now: datetime, own_secret: str | None = None) -> list[dict[str, Any]]:
        """Lists a person's sessions, newest first, with `by_provider` and `is_current`."""
        params = {
            "person": person_id,
            "now": now,
            "idle_since": now - self.idle_limit,
            "own": hash_secret(own_secret) if own_secret else None,
        }
        return self.database.fetch_rows(SELECT_SESSIONS, params)

    def find_session_holder(self, id: UUID) -> UUID | None:
        """Returns whose session this is, or None."""
        rows = self.database.fetch_rows(SELECT_SESSION_HOLDER, (id,))
        return rows[0]["person_id"] if rows else None

    def end_session_by_id(self, id: UUID) -> bool:
        """Ends a session by its id. Returns False when there is none."""
        return bool(self.database.fetch_rows(END_SESSION_BY_ID, (id,)))

    def end_all_sessions(self, person_id: UUID) -> int:
        """Ends a person's sessions and their unused codes to sign in or to pair. Returns the number of sessions."""
        return int(self.database.fetch_rows(END_ALL_SESSIONS, {"person": person_id})[0]["sessions"])

    def delete_expired(self, now: datetime) -> None:
        """Deletes expired sessions and sign-in codes."""
        self.database.fetch_rows(DELETE_EXPIRED, {"now": now, "idle_since": now - self.idle_limit})
