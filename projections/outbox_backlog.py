"""Questions about the outbox as a whole: what waits in it, and which mails were not sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from domain.notifications.rules import RETRY_DELAYS_SECONDS
from projections.outbox import CHANNEL_TABLE, IS_DELIVERABLE, LISTING, OutboxRow
from projections.queries.pagination import Page
from projections.queries.query import QuerySource, WhereClause

# mails about meetings to come that were given up, or whose last attempt failed
IS_WANTED = "o.failure IS DISTINCT FROM 'no_longer_wanted'"
IS_UNSENT = f"""o.channel = 'mail' AND o.ends_at > %(now)s AND {IS_WANTED}
    AND (o.state = 'failed' OR (o.state = 'owed' AND o.failure IS NOT NULL))"""
UNSENT_COUNT = f"SELECT count(*) AS count FROM (SELECT FROM outbox AS o WHERE {IS_UNSENT} LIMIT %(limit)s) AS unsent"


def list_unsent_mails(
    source: QuerySource, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[OutboxRow]:
    """One page of the mails that were not sent, those of the soonest meeting first. Raises Invalid for the cursor."""
    return LISTING.fetch_page(source, WhereClause((IS_UNSENT,), {"now": now}), "ends_at", limit, cursor)


def count_unsent_mails(source: QuerySource, now: datetime, limit: int) -> int:
    """How many mails were not sent, counted up to a limit."""
    return cast(int, source.fetch_rows(UNSENT_COUNT, {"now": now, "limit": limit})[0]["count"])


@dataclass(frozen=True, slots=True)
class ChannelBacklog:
    """How much a channel has to send, since when the oldest waits, and how many failed for meetings still to come."""

    channel: str
    owed: int
    oldest: datetime | None
    failed: int


# a retry is due within a day; so what is scheduled for later is not even looked at
IS_OWED = f"""o.state = 'owed' AND o.channel = channel.name AND o.ends_at > %(now)s AND {IS_DELIVERABLE}
    AND o.due_at >= (SELECT b.began_at FROM {{schema}}.outbox_beginning AS b)
    AND o.due_at <= %(now)s + interval '{max(RETRY_DELAYS_SECONDS)} seconds'
    AND coalesce(o.scheduled_at, o.caused_at) <= %(now)s"""
BACKLOG_COUNTS = f"""
SELECT channel.name AS channel,
       (SELECT count(*) FROM outbox AS o WHERE {IS_OWED})::int AS owed,
       (SELECT min(coalesce(o.scheduled_at, o.caused_at)) FROM outbox AS o WHERE {IS_OWED}) AS oldest,
       (SELECT count(*) FROM outbox AS o WHERE o.state = 'failed' AND o.channel = channel.name
            AND o.ends_at > %(now)s AND {IS_WANTED})::int AS failed
FROM (VALUES {CHANNEL_TABLE}) AS channel (name, roles, sent, failed, requested)
"""


def count_backlogs(source: QuerySource, now: datetime) -> list[ChannelBacklog]:
    """The backlog of every channel."""
    return [ChannelBacklog(**row) for row in source.fetch_rows(BACKLOG_COUNTS, {"now": now})]
