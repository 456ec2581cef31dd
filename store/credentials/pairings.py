"""Pairing of the extension: a one-time code that is exchanged for an API key of a limited scope."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from store.credentials.api_keys import generate_key, hash_secret
from store.database import Database

CODE_LIFETIME = timedelta(minutes=5)
KEY_LIFETIME = timedelta(days=365)
INSERT_CODE: LiteralString = """
INSERT INTO {schema}.pairing_codes (hash, person_id, origin, challenge, expires_at)
VALUES (%(code)s, %(person)s, %(origin)s, %(challenge)s, %(until)s) RETURNING person_id
"""
# One statement, never sent twice: when two requests bring the same code at once, the second one finds it used.
EXCHANGE_CODE: LiteralString = """
WITH used AS (
    UPDATE {schema}.pairing_codes SET used_at = %(now)s
    WHERE hash = %(code)s AND origin = %(origin)s AND challenge = %(challenge)s
      AND used_at IS NULL AND expires_at > %(now)s
    RETURNING person_id, expires_at
), made AS (
    INSERT INTO {schema}.api_keys (id, person_id, name, hash, created_at, scope, expires_at)
    SELECT %(id)s, person_id, %(name)s, %(key)s, %(now)s, %(scope)s, %(until)s FROM used RETURNING person_id
)
SELECT used.person_id, used.expires_at FROM used JOIN made USING (person_id)
"""
DELETE_EXPIRED_CODES = """
WITH old AS (DELETE FROM {schema}.pairing_codes WHERE expires_at <= %s RETURNING 1) SELECT count(*) FROM old
"""


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """The extension that asks for a key, by its origin, and its PKCE challenge."""

    origin: str
    challenge: str


@dataclass(frozen=True, slots=True)
class PairingResult:
    """The API key that a pairing handed over: its id, the key itself, its person, when they agreed, when it expires."""

    id: UUID
    key: str
    person_id: UUID
    approved_at: datetime
    expires_at: datetime


class Pairings:
    """Stores pairing codes. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def approve_pairing(self, person_id: UUID, pairing_request: PairingRequest, now: datetime) -> str:
        """Creates a one-time code for this origin and challenge, valid for five minutes."""
        code = secrets.token_urlsafe(32)
        params = {"code": hash_secret(code), "person": person_id, "until": now + CODE_LIFETIME}
        self._execute_once(
            INSERT_CODE, params | {"origin": pairing_request.origin, "challenge": pairing_request.challenge}
        )
        return code

    def exchange_code(
        self, code: str, pairing_request: PairingRequest, name: str, scope: str, now: datetime
    ) -> PairingResult | None:
        """Exchanges a code for a new key. Returns None for a code that is used, expired, unknown or another's."""
        id, key, until = uuid4(), generate_key(), now + KEY_LIFETIME
        params = {
            "code": hash_secret(code),
            "origin": pairing_request.origin,
            "challenge": pairing_request.challenge,
            "now": now,
        }
        key_params = {"id": id, "name": name, "key": hash_secret(key), "scope": scope, "until": until}
        rows = self._execute_once(EXCHANGE_CODE, params | key_params)
        if not rows:
            return None
        return PairingResult(id, key, rows[0]["person_id"], rows[0]["expires_at"] - CODE_LIFETIME, until)

    def delete_expired_codes(self, now: datetime) -> None:
        """Deletes expired codes."""
        self.database.fetch_rows(DELETE_EXPIRED_CODES, (now,))

    def _execute_once(self, statement: LiteralString, params: Mapping[str, Any]) -> list[DictRow]:
        """Returns the rows of a statement that must not be sent again when the connection is lost."""
        with self.database.acquire_connection() as connection:
            return connection.execute(self.database.compose_query(statement), params).fetchall()
