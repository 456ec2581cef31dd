"""Counts requests in time windows, over all processes, for rate limits."""

import hmac
from datetime import datetime

from store.database import Database

COUNT_GUEST_REQUESTS = """
INSERT INTO {schema}.guest_requests (address, minute, requests)
VALUES (%(client)s, date_trunc('minute', %(now)s::timestamptz), %(count)s)
ON CONFLICT (address, minute) DO UPDATE SET requests = guest_requests.requests + %(count)s RETURNING requests
"""
DELETE_OLD_GUEST_REQUESTS = """
WITH old AS (DELETE FROM {schema}.guest_requests WHERE minute < %s::timestamptz - interval '2 minutes' RETURNING 1)
SELECT count(*) FROM old
"""
COUNT_SIGN_IN_REQUEST = """
INSERT INTO {schema}.sign_in_requests (asker, quarter, requests)
VALUES (%s, date_bin('15 minutes', %s::timestamptz, '2000-01-01Z'), 1)
ON CONFLICT (asker, quarter) DO UPDATE SET requests = sign_in_requests.requests + 1 RETURNING requests
"""
DELETE_OLD_SIGN_IN_REQUESTS = """
WITH old AS (DELETE FROM {schema}.sign_in_requests WHERE quarter < %s::timestamptz - interval '1 hour' RETURNING 1)
SELECT count(*) FROM old
"""


class RequestCounts:
    """Counts requests under keyed hashes of who sends them. Every method raises DatabaseAway without a database."""

    def __init__(self, database: Database, secret: str) -> None:
        self.database = database
        self.secret = secret.encode()

    def count_guest_requests(self, client: str, count: int, now: datetime) -> int:
        """Counts requests of a client. Returns its requests in this minute, these included.

        The statement is not sent again when the connection is lost, as it might count twice.
        """
        params = {"client": self.compute_hmac(client).hex(), "count": count, "now": now}
        with self.database.acquire_connection() as connection:
            [row] = connection.execute(self.database.compose_query(COUNT_GUEST_REQUESTS), params).fetchall()
        if row["requests"] == count:
            self.database.fetch_rows(DELETE_OLD_GUEST_REQUESTS, (now,))
        return int(row["requests"])

    def count_sign_in_request(self, asker: str, now: datetime) -> int:
        """Counts a request for a sign-in link. Returns the requests of this asker in this quarter of an hour.

        The statement is not sent again when the connection is lost, as it might count twice.
        """
        params = (self.compute_hmac(asker), now)
        with self.database.acquire_connection() as connection:
            [row] = connection.execute(self.database.compose_query(COUNT_SIGN_IN_REQUEST), params).fetchall()
        return int(row["requests"])

    def compute_hmac(self, asker: str) -> bytes:
        """Returns an HMAC-SHA-256 of who asks: addresses are few enough to find one by its plain hash."""
        return hmac.digest(self.secret, b"oncelink requests " + asker.encode(), "sha256")

    def delete_old_sign_in_requests(self, now: datetime) -> None:
        """Deletes counts of requests for sign-in links that are older than an hour."""
        self.database.fetch_rows(DELETE_OLD_SIGN_IN_REQUESTS, (now,))
