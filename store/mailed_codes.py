"""Codes of six digits that are mailed to guests: of each only a keyed hash is kept, for as long as it is counted."""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from domain.email_addresses import fold_address, fold_mailbox
from domain.guest_check import Proof
from domain.quotas import QUOTA_PERIOD
from domain.refusals import TooManyCodes
from store.database import Database

LIFETIME = timedelta(minutes=15)
PAUSE = timedelta(seconds=30)  # within it nothing is sent again: a form that is sent twice needs one code
MAX_WRONG_ATTEMPTS = 5
LOCK_MAILBOX = "SELECT pg_advisory_xact_lock(hashtextextended('{schema}.codes.' || encode(%(mailbox)s, 'hex'), 0))"
DELETE_OLD = "DELETE FROM {schema}.mailed_codes WHERE mailbox = %(mailbox)s AND made_at <= %(counted_from)s"
SELECT_COUNTED = """
SELECT made_at, link_id FROM {schema}.mailed_codes
WHERE mailbox = %(mailbox)s AND made_at > %(counted_from)s ORDER BY made_at DESC
"""
INSERT_CODE = """
INSERT INTO {schema}.mailed_codes (id, mailbox, link_id, code, made_at, expires_at)
VALUES (%(id)s, %(mailbox)s, %(link_id)s, %(code)s, %(now)s, %(expires_at)s)
"""
# counted before it is compared: guesses that come at the same time wait for each other at the row
TRY_CODE = """
UPDATE {schema}.mailed_codes SET wrong_attempts = wrong_attempts + (code <> %(code)s)::int
WHERE id = (
    SELECT id FROM {schema}.mailed_codes WHERE mailbox = %(mailbox)s AND link_id = %(link_id)s
    ORDER BY made_at DESC LIMIT 1
) AND expires_at > %(now)s AND wrong_attempts < %(max_wrong_attempts)s
RETURNING id, expires_at, code = %(code)s AS is_right
"""
DELETE_UNCOUNTED = """
DELETE FROM {schema}.mailed_codes WHERE id IN (
    SELECT id FROM {schema}.mailed_codes WHERE made_at <= %(counted_from)s FOR UPDATE SKIP LOCKED
)
"""


class MailedCodes:
    """Makes and verifies codes. The secret is the key of their hashes."""

    def __init__(self, database: Database, secret: str) -> None:
        self.database = database
        self.secret = secret.encode()

    def make_code(self, email: str, link_id: UUID, quota: int, now: datetime) -> str | None:
        """Makes a code for an address to book on a link, which voids an earlier one. None when one was just made.

        `quota` is the number of codes of an address in 24 hours; 0: none. Raises TooManyCodes, DatabaseAway.
        """
        code = f"{secrets.randbelow(10**6):06}"
        params = {
            "id": uuid4(),
            "mailbox": self.compute_hmac(fold_mailbox(email)),
            "link_id": link_id,
            "code": self.compute_code_hmac(email, link_id, code),
            "now": now,
            "expires_at": now + LIFETIME,
            "counted_from": now - QUOTA_PERIOD,
        }
        with self.database.acquire_connection() as connection, connection.transaction():
            connection.execute(self.database.compose_query(LOCK_MAILBOX), params)
            connection.execute(self.database.compose_query(DELETE_OLD), params)
            counted = connection.execute(self.database.compose_query(SELECT_COUNTED), params).fetchall()
            if any(row["link_id"] == link_id and row["made_at"] > now - PAUSE for row in counted):
                return None
            if 0 < quota <= len(counted):
                raise TooManyCodes(counted[quota - 1]["made_at"] + QUOTA_PERIOD - now)
            connection.execute(self.database.compose_query(INSERT_CODE), params)
        return code

    def verify_code(self, email: str, link_id: UUID, code: str, now: datetime) -> Proof | None:
        """Verifies a code. None for a wrong one, which is counted, and after too many. Raises DatabaseAway."""
        params = {
            "mailbox": self.compute_hmac(fold_mailbox(email)),
            "link_id": link_id,
            "code": self.compute_code_hmac(email, link_id, code),
            "now": now,
            "max_wrong_attempts": MAX_WRONG_ATTEMPTS,
        }
        with self.database.acquire_connection() as connection:
            row = connection.execute(self.database.compose_query(TRY_CODE), params).fetchone()
        if row is None or not row["is_right"]:
            return None
        return Proof("mailed_code", self.compute_hmac(f"spent {row['id']}"), now, row["expires_at"])

    def delete_old(self, now: datetime) -> None:
        """Deletes the codes that no longer count. Raises DatabaseAway."""
        with self.database.acquire_connection() as connection:
            connection.execute(self.database.compose_query(DELETE_UNCOUNTED), {"counted_from": now - QUOTA_PERIOD})

    def compute_code_hmac(self, email: str, link_id: UUID, code: str) -> bytes:
        """Returns the keyed hash of a code, for one address and link."""
        return self.compute_hmac(f"code {code} {link_id} {fold_address(email)}")

    def compute_hmac(self, text: str) -> bytes:
        """Returns an HMAC-SHA-256: six digits, and most addresses, could be found by a plain hash."""
        return hmac.digest(self.secret, b"oncelink mailed code " + text.encode(), "sha256")
