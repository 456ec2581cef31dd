"""Which secret keys have made codes in this log, known by a one-way fingerprint of each."""

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from store.database import fill_schema_names

LENGTH = 16  # hexadecimal digits: enough to tell keys apart
TURN = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '.secret_keys', 0))"
ALL = "SELECT fingerprint, first_used_at, retired_at FROM {schema}.secret_keys ORDER BY first_used_at, fingerprint"
HAS_CODES = """
SELECT EXISTS (SELECT FROM {schema}.events WHERE type LIKE 'SingleUseIssued.%' OR type LIKE 'DirectIssued.%')
    OR EXISTS (SELECT FROM {schema}.calendar_feeds) OR EXISTS (SELECT FROM {schema}.busy_calendars)
"""
RECORD = """
INSERT INTO {schema}.secret_keys AS known (fingerprint) SELECT unnest(%s::text[])
ON CONFLICT (fingerprint) DO UPDATE SET retired_at = NULL WHERE known.retired_at IS NOT NULL RETURNING fingerprint
"""
RETIRE = "UPDATE {schema}.secret_keys SET retired_at = coalesce(retired_at, clock_timestamp()) WHERE fingerprint = %s"
# what was made between the first use of the key and that of the next one; the first keys may be older than we know
DEPENDENTS = """
WITH used AS (
    SELECT CASE WHEN this.first_used_at > (SELECT min(first_used_at) FROM {schema}.secret_keys)
                THEN this.first_used_at ELSE '-infinity' END AS since,
           coalesce((SELECT min(later.first_used_at) FROM {schema}.secret_keys later
                     WHERE later.first_used_at > this.first_used_at), 'infinity') AS until
    FROM {schema}.secret_keys this WHERE this.fingerprint = %s
)
SELECT (
    SELECT count(*) FROM {schema}.events issued
    WHERE issued.type LIKE 'SingleUseIssued.%%' AND issued.recorded_at >= since AND issued.recorded_at < until
    AND NOT EXISTS (
        SELECT FROM {schema}.events later WHERE later.stream_id = issued.stream_id
        AND (later.type LIKE 'MeetingBooked.%%' OR later.type LIKE 'SingleUseRevoked.%%')
    )
) AS single_use_links, (
    SELECT count(DISTINCT r.booking_id) FROM {schema}.reservations r
    JOIN {schema}.events booked ON booked.stream_id = r.booking_id AND booked.type LIKE 'MeetingBooked.%%'
    WHERE upper(r.during) > clock_timestamp() AND booked.recorded_at >= since AND booked.recorded_at < until
) AS meetings, (
    SELECT count(*) FROM {schema}.calendar_feeds
    WHERE ended_at IS NULL AND created_at >= since AND created_at < until
) AS calendar_addresses
FROM used
"""


def fingerprint(secret_key: str) -> str:
    """What stands for a secret key: the same for the same key, and no key can be made from it.

    It is a keyed digest, cut short, of a text of its own: what else is derived from the key has nothing to do with it.
    """
    return hmac.digest(secret_key.encode(), b"oncelink key fingerprint", "sha256").hex()[:LENGTH]


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A secret key that has made codes in this log."""

    fingerprint: str
    first_used_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Dependents:
    """How many things at most open only with one key: unused links, meetings to come, addresses of calendars."""

    single_use_links: int
    meetings: int
    calendar_addresses: int


class KnownKeys:
    """The secret keys that a log knows, over one connection. Every method raises psycopg.Error."""

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self.connection = connection
        self.schema = schema

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A transaction in which nobody else records a key: of two first starts, one finds the other's key."""
        with self.connection.transaction():
            self.connection.execute(TURN, (self.schema,))
            yield

    def all(self) -> list[KnownKey]:
        """Every key that has made codes, retired ones too, in the order of their first use."""
        with self.connection.cursor(row_factory=class_row(KnownKey)) as cursor:
            return cursor.execute(self.text(ALL)).fetchall()

    def has_codes(self) -> bool:
        """Whether anything in the log has a code, or is sealed: then some key made it, known or not."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return bool(cursor.execute(self.text(HAS_CODES)).fetchone())

    def record(self, fingerprints: Sequence[str]) -> list[str]:
        """Notes keys that make codes from now on; those that were not known, or were retired."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(self.text(RECORD), (list(fingerprints),)).fetchall()

    def retire(self, fingerprint: str) -> None:
        """Notes that a key is given up, and need not be set any more."""
        self.connection.execute(self.text(RETIRE), (fingerprint,))

    def dependents(self, fingerprint: str) -> Dependents:
        """What opens only with this key. Codes are stored nowhere, so it goes by when the key was in use."""
        with self.connection.cursor(row_factory=class_row(Dependents)) as cursor:
            [found] = cursor.execute(self.text(DEPENDENTS), (fingerprint,)).fetchall()
            return found

    def text(self, query: LiteralString) -> Any:
        """A statement with its schema filled in."""
        return fill_schema_names(query, self.schema, "")
