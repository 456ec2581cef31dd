"""What depends on a person who leaves: links that need their time, open single-use links, upcoming meetings."""

from datetime import datetime
from typing import cast
from uuid import UUID

from typing_extensions import TypedDict

from projections import links
from projections.queries.query import QuerySource

IMPACT_QUERY = f"""
SELECT (
    SELECT count(*) FROM links AS l
    WHERE (l.owner_id = %(person)s OR l.co_host_ids @> ARRAY[%(person)s::uuid]) AND {links.STATUS} = 'active'
)::int AS active_links, (
    SELECT count(*) FROM single_use_links AS s JOIN links AS l ON l.link_id = s.link_id WHERE s.state = 'open'
    AND (s.issued_by = %(person)s OR s.link_id = ANY(%(owned)s)) AND {links.SINGLE_USE_STATUS} = 'active'
)::int AS active_single_use, (
    SELECT count(*) FROM meeting_log AS m
    WHERE m.host_ids @> ARRAY[%(person)s::uuid] AND m.starts_at > %(now)s AND m.status <> 'cancelled'
)::int AS booked_upcoming, (
    SELECT count(*) FROM teams AS t WHERE NOT t.deleted
    AND t.members @> jsonb_build_array(jsonb_build_object('person_id', %(person)s::text))
)::int AS teams
"""


class DepartureImpact(TypedDict):
    """How many active links need a person's time, unused single-use links, upcoming meetings, and teams of theirs."""

    active_links: int
    active_single_use: int
    booked_upcoming: int
    teams: int


def count_departure_impact(source: QuerySource, person: UUID, now: datetime) -> DepartureImpact:
    """Counts what depends on a person at an instant."""
    params = {"person": person, "owned": links.list_owned_link_ids(source, person), "now": now}
    return cast(DepartureImpact, source.fetch_rows(IMPACT_QUERY, params)[0])
