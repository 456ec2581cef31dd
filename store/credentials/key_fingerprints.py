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
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '.secret_keys', 0))"
LIST = "SELECT fingerprint, first_used_at, retired_at FROM {schema}.secret_keys ORDER BY first_used_at, fingerprint"
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


def compute_fingerprint(secret_key: str) -> str:
    """Compute the fingerprint of a secret key: LENGTH hexadecimal digits, from which no key can be derived.

    It is a truncated keyed digest of a fixed text, independent of everything else that is derived from the key.
    """
    return hmac.digest(secret_key.encode(), b"oncelink key fingerprint", "sha256").hex()[:LENGTH]


@dataclass(frozen=True, slots=True)
class RecordedKey:
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


class RecordedKeys:
    """The secret keys that a log has recorded, over one connection. Every method raises psycopg.Error."""

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self.connection = connection
        self.schema = schema

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold a lock for one transaction, so that of two first starts one sees the other's key."""
        with self.connection.transaction():
            self.connection.execute(LOCK, (self.schema,))
            yield

    def list_keys(self) -> list[RecordedKey]:
        """List every key that has made codes, retired ones too, in the order of their first use."""
        with self.connection.cursor(row_factory=class_row(RecordedKey)) as cursor:
            return cursor.execute(self.compose_query(LIST)).fetchall()

    def has_codes(self) -> bool:
        """Whether anything in the log has a code, or is encrypted: then some key was used, recorded or not."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return bool(cursor.execute(self.compose_query(HAS_CODES)).fetchone())

    def record_keys(self, fingerprints: Sequence[str]) -> list[str]:
        """Record keys that make codes from now on. Returns those that were new or retired."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(self.compose_query(RECORD), (list(fingerprints),)).fetchall()

    def retire_key(self, fingerprint: str) -> None:
        """Retire a key: it need not be set any more."""
        self.connection.execute(self.compose_query(RETIRE), (fingerprint,))

    def count_dependents(self, fingerprint: str) -> Dependents:
        """Count what opens only with this key. Codes are stored nowhere, so the time of the key's use decides."""
        with self.connection.cursor(row_factory=class_row(Dependents)) as cursor:
            [dependents] = cursor.execute(self.compose_query(DEPENDENTS), (fingerprint,)).fetchall()
            return dependents

    def compose_query(self, query: LiteralString) -> Any:
        """Compose a statement with its schema."""
        return fill_schema_names(query, self.schema, "")
