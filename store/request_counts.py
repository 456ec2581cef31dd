"""Counts requests in time windows, over all processes, for rate limits."""

import hashlib
from datetime import datetime

from store.database import Database

COUNT_GUEST_REQUEST = """
INSERT INTO {schema}.guest_requests (address, minute, requests) VALUES (%s, date_trunc('minute', %s::timestamptz), 1)
ON CONFLICT (address, minute) DO UPDATE SET requests = guest_requests.requests + 1 RETURNING requests
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
    """Counts requests. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def count_guest_request(self, address: str, now: datetime) -> int:
        """Counts a guest's request. Returns the requests of this address in this minute."""
        [row] = self.database.fetch_rows(COUNT_GUEST_REQUEST, (address, now))
        if row["requests"] == 1:
            self.database.fetch_rows(DELETE_OLD_GUEST_REQUESTS, (now,))
        return int(row["requests"])

    def count_sign_in_request(self, asker: str, now: datetime) -> int:
        """Counts a request for a sign-in link. Returns the requests of this asker in this quarter of an hour.

        The statement is not sent again when the connection is lost, as it might count twice.
        """
        params = (hashlib.sha256(asker.encode()).digest(), now)
        with self.database.acquire_connection() as connection:
            [row] = connection.execute(self.database.compose_query(COUNT_SIGN_IN_REQUEST), params).fetchall()
        return int(row["requests"])

    def delete_old_sign_in_requests(self, now: datetime) -> None:
        """Deletes counts of requests for sign-in links that are older than an hour."""
        self.database.fetch_rows(DELETE_OLD_SIGN_IN_REQUESTS, (now,))
