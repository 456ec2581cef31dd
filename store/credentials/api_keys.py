"""API keys and one-time sign-in codes: plain tables, 256 random bits, stored as SHA-256."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Database

KEY_PREFIX = "olk_"
SIGN_IN_CODE_LIFETIME = timedelta(minutes=15)
SELECT_HOLDER = """
SELECT k.person_id, k.created_at, k.id AS key_id, k.scope, k.scopes, c.used_at,
       (SELECT max(e.version) FROM {schema}.events e WHERE e.stream_id = k.person_id) AS version
FROM {schema}.api_keys k LEFT JOIN {schema}.api_key_clients c ON c.key_id = k.id AND c.client = %s
WHERE k.hash = %s AND k.deleted_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
"""
RECORD_USE = """
INSERT INTO {schema}.api_key_clients (key_id, client, used_at) VALUES (%(key)s, %(client)s, %(now)s)
ON CONFLICT (key_id, client) DO UPDATE SET used_at = greatest(api_key_clients.used_at, excluded.used_at)
RETURNING (SELECT count(*) FROM {schema}.api_key_clients WHERE key_id = %(key)s) AS earlier_clients
"""
INSERT_KEY = """
INSERT INTO {schema}.api_keys (id, person_id, name, hash, created_at, request_digest, scopes, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING id
"""
COLUMNS = """id, person_id, name, created_at, hash, request_digest, scope, scopes, expires_at,
    last.used_at AS last_used_at, last.client AS last_used_from"""
KEYS = """{schema}.api_keys LEFT JOIN LATERAL (
    SELECT used_at, client FROM {schema}.api_key_clients WHERE key_id = id ORDER BY used_at DESC LIMIT 1
) AS last ON true"""
SELECT_KEY = f"SELECT {COLUMNS} FROM {KEYS} WHERE id = %s AND person_id = %s"
SELECT_KEYS = f"""
SELECT {COLUMNS} FROM {KEYS}
WHERE person_id = %s AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
  AND (created_at, id) > (%s, %s) ORDER BY created_at, id LIMIT %s
"""
SELECT_ALL_KEYS = f"""
SELECT {COLUMNS} FROM {KEYS}
WHERE deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
  AND (created_at, id) > (%s, %s) ORDER BY created_at, id LIMIT %s
"""
SELECT_ANY_KEY = f"SELECT {COLUMNS} FROM {KEYS} WHERE id = %s"
DELETE_KEY = """
UPDATE {schema}.api_keys SET deleted_at = coalesce(deleted_at, clock_timestamp())
WHERE id = %s AND person_id = %s RETURNING id
"""
INSERT_SIGN_IN_CODE = """
INSERT INTO {schema}.sign_in_codes (hash, person_id, created_at, expires_at) VALUES (%s, %s, %s, %s)
RETURNING person_id
"""


@dataclass(frozen=True, slots=True)
class CredentialHolder:
    """The person a key or session belongs to, with the version of their stream; a key's id and scope, if any."""

    person_id: UUID
    created_at: datetime
    version: int
    key_id: UUID | None = None
    scope: str | None = None
    scopes: list[str] | None = None  # None: everything that the person may do
    used_at: datetime | None = None  # last by the client that sends the key now; None: never


class ApiKeys:
    """Stores API keys. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_holder(self, key: str, client: str | None = None) -> CredentialHolder | None:
        """Returns the holder of an API key that a client sends, or None."""
        rows = self.database.fetch_rows(SELECT_HOLDER, (client, hash_secret(key)))
        return CredentialHolder(**rows[0]) if rows and rows[0]["version"] else None

    def record_use(self, key_id: UUID, client: str, now: datetime) -> int:
        """Records that a client used a key. Returns how many clients had used it before."""
        params = {"key": key_id, "client": client, "now": now}
        return int(self.database.fetch_rows(RECORD_USE, params)[0]["earlier_clients"])

    def create_key(
        self,
        id: UUID,
        person_id: UUID,
        name: str,
        key: str,
        now: datetime,
        request_digest: str | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> bool:
        """Stores the hash of a new key. Returns False when this id exists already."""
        own_scopes = None if scopes is None else list(scopes)
        params = (id, person_id, name, hash_secret(key), now, request_digest, own_scopes, expires_at)
        return bool(self.database.fetch_rows(INSERT_KEY, params))

    def find_key(self, id: UUID, person_id: UUID) -> dict[str, Any] | None:
        """Returns a person's key, or None, also a deleted one: id, name, created_at, hash, request_digest, scope."""
        return next(iter(self.database.fetch_rows(SELECT_KEY, (id, person_id))), None)

    def list_keys(self, person_id: UUID, after: tuple[datetime, UUID], limit: int) -> list[dict[str, Any]]:
        """Lists a person's keys after (created_at, id), oldest first."""
        return self.database.fetch_rows(SELECT_KEYS, (person_id, *after, limit))

    def find_any_key(self, id: UUID) -> dict[str, Any] | None:
        """Returns anybody's key, or None, also a deleted one."""
        return next(iter(self.database.fetch_rows(SELECT_ANY_KEY, (id,))), None)

    def list_all_keys(self, after: tuple[datetime, UUID], limit: int) -> list[dict[str, Any]]:
        """Lists everybody's keys that have not ended after (created_at, id), oldest first."""
        return self.database.fetch_rows(SELECT_ALL_KEYS, (*after, limit))

    def delete_key(self, id: UUID, person_id: UUID) -> bool:
        """Deletes a person's key. Returns False when there never was one."""
        return bool(self.database.fetch_rows(DELETE_KEY, (id, person_id)))

    def create_sign_in_code(self, person_id: UUID, now: datetime) -> str:
        """Creates a one-time sign-in code that is valid for 15 minutes."""
        code = secrets.token_urlsafe(32)
        params = (hash_secret(code), person_id, now, now + SIGN_IN_CODE_LIFETIME)
        self.database.fetch_rows(INSERT_SIGN_IN_CODE, params)
        return code


def generate_key() -> str:
    """Generates an API key: a prefix and 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Returns the SHA-256 of a secret, as it is stored. That suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def derive_key(secret: str, id: UUID) -> str:
    """Derives the API key of an id: the same on a retry, and unguessable without the service's secret."""
    mac = hmac.digest(secret.encode(), b"oncelink api key " + id.bytes, "sha256")
    return KEY_PREFIX + urlsafe_b64encode(mac).rstrip(b"=").decode()
