"""API keys and one-time sign-in codes: plain tables, 256 random bits, SHA-256 at rest."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Database

KEY_PREFIX = "olk_"
SIGN_IN_VALID = timedelta(minutes=15)
HOLDER = """
SELECT k.person_id, k.created_at, k.id AS key_id, k.scope,
       (SELECT max(e.version) FROM {schema}.events e WHERE e.stream_id = k.person_id) AS version
FROM {schema}.api_keys k WHERE k.hash = %s AND k.deleted_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
"""
MAKE = """
INSERT INTO {schema}.api_keys (id, person_id, name, hash, created_at, request_digest) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING RETURNING id
"""
COLUMNS = "id, name, created_at, hash, request_digest, scope"
ONE = f"SELECT {COLUMNS} FROM {{schema}}.api_keys WHERE id = %s AND person_id = %s"
PAGE = f"""
SELECT {COLUMNS} FROM {{schema}}.api_keys
WHERE person_id = %s AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
  AND (created_at, id) > (%s, %s) ORDER BY created_at, id LIMIT %s
"""
DELETE = """
UPDATE {schema}.api_keys SET deleted_at = coalesce(deleted_at, clock_timestamp())
WHERE id = %s AND person_id = %s RETURNING id
"""
SIGN_IN = "INSERT INTO {schema}.sign_in_codes (hash, person_id, expires_at) VALUES (%s, %s, %s) RETURNING person_id"
COUNT = """
INSERT INTO {schema}.guest_requests (address, minute, requests) VALUES (%s, date_trunc('minute', %s::timestamptz), 1)
ON CONFLICT (address, minute) DO UPDATE SET requests = guest_requests.requests + 1 RETURNING requests
"""
FORGET = """
WITH old AS (DELETE FROM {schema}.guest_requests WHERE minute < %s::timestamptz - interval '2 minutes' RETURNING 1)
SELECT count(*) FROM old
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key it is, since when, and the version that this person's stream is at; a key's id and scope, if any."""

    person_id: UUID
    created_at: datetime
    version: int
    key_id: UUID | None = None
    scope: str | None = None


class Keys:
    """Makes and finds keys. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def holder(self, key: str) -> Holder | None:
        """Who an API key belongs to."""
        rows = self.database.rows(HOLDER, (hashed(key),))
        return Holder(**rows[0]) if rows and rows[0]["version"] else None

    def make(
        self, id: UUID, person_id: UUID, name: str, key: str, now: datetime, request_digest: str | None = None
    ) -> bool:
        """Keeps a new key, hashed; False when this id was made before."""
        params = (id, person_id, name, hashed(key), now, request_digest)
        return bool(self.database.rows(MAKE, params))

    def one(self, id: UUID, person_id: UUID) -> dict[str, Any] | None:
        """A person's key, a deleted one too: id, name, created_at, hash, request_digest, scope."""
        return next(iter(self.database.rows(ONE, (id, person_id))), None)

    def page(self, person_id: UUID, after: tuple[datetime, UUID], limit: int) -> list[dict[str, Any]]:
        """A person's keys, oldest first, that were made after one of them."""
        return self.database.rows(PAGE, (person_id, *after, limit))

    def delete(self, id: UUID, person_id: UUID) -> bool:
        """Ends a person's key, if it has not ended; False when there never was one."""
        return bool(self.database.rows(DELETE, (id, person_id)))

    def sign_in_code(self, person_id: UUID, now: datetime) -> str:
        """A new one-time code that the sign-in page accepts for 15 minutes."""
        code = secrets.token_urlsafe(32)
        self.database.rows(SIGN_IN, (hashed(code), person_id, now + SIGN_IN_VALID))
        return code

    def requests_this_minute(self, address: str, now: datetime) -> int:
        """Counts a guest's request; how many there were of this address in this minute, over all processes."""
        [row] = self.database.rows(COUNT, (address, now))
        if row["requests"] == 1:
            self.database.rows(FORGET, (now,))
        return int(row["requests"])


def new_key() -> str:
    """A new API key: 256 random bits behind its prefix."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """How a secret rests: SHA-256 suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def derived_key(secret: str, id: UUID) -> str:
    """The API key of an id: the same for a repeated request, and unguessable without the service's secret."""
    made = hmac.digest(secret.encode(), b"oncelink api key " + id.bytes, "sha256")
    return KEY_PREFIX + urlsafe_b64encode(made).rstrip(b"=").decode()
