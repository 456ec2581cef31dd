"""Pairing: a one-time code that hands an API key of a limited scope to the extension that asked for it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from store.credentials.api_keys import hashed, new_key
from store.database import Database

CODE_VALID = timedelta(minutes=5)
KEY_VALID = timedelta(days=365)
APPROVE: LiteralString = """
INSERT INTO {schema}.pairing_codes (hash, person_id, origin, challenge, expires_at)
VALUES (%(code)s, %(person)s, %(origin)s, %(challenge)s, %(until)s) RETURNING person_id
"""
# One statement decides: of two who bring the same code at once, the second finds it used. It is never sent twice.
EXCHANGE: LiteralString = """
WITH used AS (
    UPDATE {schema}.pairing_codes SET used_at = %(now)s
    WHERE hash = %(code)s AND origin = %(origin)s AND challenge = %(challenge)s
      AND used_at IS NULL AND expires_at > %(now)s
    RETURNING person_id
)
INSERT INTO {schema}.api_keys (id, person_id, name, hash, created_at, scope, expires_at)
SELECT %(id)s, person_id, %(name)s, %(key)s, %(now)s, %(scope)s, %(until)s FROM used RETURNING person_id
"""
FORGET = """
WITH old AS (DELETE FROM {schema}.pairing_codes WHERE expires_at <= %s RETURNING 1) SELECT count(*) FROM old
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which extension asks for a key, and the challenge whose verifier only it knows."""

    origin: str
    challenge: str


@dataclass(frozen=True, slots=True)
class Paired:
    """A key that was handed over: its id, the key itself, whose it is, and when it ends."""

    id: UUID
    key: str
    person_id: UUID
    expires_at: datetime


class Pairings:
    """Approves and exchanges. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def approve(self, person_id: UUID, asked: Asked, now: datetime) -> str:
        """A new code for who asked; it works once, within five minutes, only for them."""
        code = secrets.token_urlsafe(32)
        params = {"code": hashed(code), "person": person_id, "until": now + CODE_VALID}
        self._once(APPROVE, params | {"origin": asked.origin, "challenge": asked.challenge})
        return code

    def exchange(self, code: str, asked: Asked, name: str, scope: str, now: datetime) -> Paired | None:
        """Uses a code up and makes the key; None for a code that is used, old, unknown or another's."""
        id, key, until = uuid4(), new_key(), now + KEY_VALID
        params = {"code": hashed(code), "origin": asked.origin, "challenge": asked.challenge, "now": now}
        made = {"id": id, "name": name, "key": hashed(key), "scope": scope, "until": until}
        rows = self._once(EXCHANGE, params | made)
        return Paired(id, key, rows[0]["person_id"], until) if rows else None

    def forget(self, now: datetime) -> None:
        """Clears away what has expired."""
        self.database.rows(FORGET, (now,))

    def _once(self, statement: LiteralString, params: Mapping[str, Any]) -> list[DictRow]:
        """The rows of a statement that must not be sent again when the connection is lost."""
        with self.database.connection() as connection:
            return connection.execute(self.database.text(statement), params).fetchall()
