"""What is a person's when they leave: links that need their time, open single-use links, meetings to come."""

from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

from projections import links
from projections.queries.query import Source

ACTIVE = f"SELECT l.link_id FROM links AS l WHERE {links.STATUS} = 'active'"
QUESTION = f"""
SELECT (
    SELECT count(*) FROM links AS l
    WHERE (l.owner_id = %(person)s OR l.co_host_ids @> ARRAY[%(person)s::uuid]) AND {links.STATUS} = 'active'
)::int AS active_links, (
    SELECT count(*) FROM single_use_links AS s WHERE s.state = 'open'
    AND (s.issued_by = %(person)s OR s.link_id = ANY(%(owned)s)) AND s.link_id = ANY(ARRAY({ACTIVE}))
)::int AS active_single_use, (
    SELECT count(*) FROM meeting_log AS m
    WHERE m.host_ids @> ARRAY[%(person)s::uuid] AND m.starts_at > %(now)s AND m.status <> 'cancelled'
)::int AS booked_upcoming
"""


class Left(TypedDict):
    """How much would stay behind: active links that need their time, unused single-use links, meetings to come."""

    active_links: int
    active_single_use: int
    booked_upcoming: int


def left_behind(source: Source, person: UUID, now: datetime) -> Left:
    """What a person who leaves leaves behind, counted."""
    given = {"person": person, "owned": links.owned_by(source, person), "now": now}
    return cast(Left, source.rows(QUESTION, given)[0])
