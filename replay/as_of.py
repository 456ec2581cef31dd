"""The state at a point in time: every read model, queried from the log up to there."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.refusals import Invalid
from projections import (
    catalogue,
    links,
    managed_links,
    meeting_log,
    meeting_types,
    outbox,
    people,
    single_use_links,
    teams,
)
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.pagination import MAX_ROWS, Page
from projections.queries.query import QuerySource
from projections.single_use_links import SingleUseFilters
from replay.instants import PointInTime, resolve_point_in_time
from store.database import Database

ListPage = Callable[[QuerySource, datetime, int, str | None], Page[Any]]

LISTS: Mapping[str, ListPage] = {
    "people": lambda source, now, limit, cursor: people.list_people(source, limit=limit, cursor=cursor),
    "meeting_types": lambda source, now, limit, cursor: meeting_types.list_meeting_types(
        source, limit=limit, cursor=cursor
    ),
    "managed_links": lambda source, now, limit, cursor: managed_links.list_managed_links(
        source, now, ManagedLinkFilters(), limit=limit, cursor=cursor
    ),
    "links": lambda source, now, limit, cursor: links.list_links(
        source, now, LinkFilters(), limit=limit, cursor=cursor
    ),
    "single_use_links": lambda source, now, limit, cursor: single_use_links.list_single_use_links(
        source, now, SingleUseFilters(), limit=limit, cursor=cursor
    ),
    "meeting_log": lambda source, now, limit, cursor: meeting_log.list_meetings(
        source, MeetingFilters(), limit=limit, cursor=cursor
    ),
    "teams": lambda source, now, limit, cursor: teams.list_teams(source, limit=limit, cursor=cursor),
    "outbox": lambda source, now, limit, cursor: outbox.list_notifications(source, now, limit=limit, cursor=cursor),
}


@dataclass(frozen=True, slots=True)
class AsOfQuery:
    """A list at a point in time: the source to query, and the cursor of its page.

    `at` is the requested instant or position.
    """

    db: Database
    at: int | datetime
    point_in_time: PointInTime
    cursor: str | None = None

    @classmethod
    def from_request(cls, db: Database, at: int | datetime, now: datetime, cursor: str | None = None) -> "AsOfQuery":
        """The query for a point in time. A further page takes it from its cursor, so that all pages show the same one.

        Raises Invalid for a point that the log does not have and for a foreign cursor; TryAgain, DatabaseAway.
        """
        if cursor is None:
            return cls(db, at, resolve_point_in_time(db, at, now))
        position, list_cursor = decode_cursor(at, cursor)
        point_in_time = resolve_point_in_time(db, position, now)
        return cls(db, at, point_in_time if isinstance(at, int) else PointInTime(position, at), list_cursor)

    @property
    def source(self) -> QuerySource:
        """The log up to the point in time."""
        return catalogue.from_log(self.db, self.point_in_time.position)

    @property
    def now(self) -> datetime:
        """The instant that is "now" at the point in time."""
        return self.point_in_time.instant

    def add_point_to_cursor(self, page: Page[Any]) -> Page[Any]:
        """The page, with a cursor that also contains the point in time."""
        if page.next_cursor is None:
            return page
        values = ["as-of", str(self.at), self.point_in_time.position, page.next_cursor]
        return Page(page.items, urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("="))


def decode_cursor(at: int | datetime, cursor: str) -> tuple[int, str]:
    """The position and the list's own cursor in a cursor. Raises Invalid for a cursor of another point in time."""
    try:
        padded_cursor = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, requested_at, position, list_cursor = json.loads(urlsafe_b64decode(padded_cursor))
        if (name, requested_at) != ("as-of", str(at)) or not isinstance(list_cursor, str):
            raise ValueError("of another moment")
        if type(position) is not int or not 0 < position < 2**63:
            raise ValueError("no position")
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("cursor", "This cursor does not belong to this list.") from error
    return position, list_cursor


def list_rows(
    db: Database, read_model: str, at: int | datetime, now: datetime, limit: int
) -> tuple[PointInTime, list[Any]]:
    """The first rows of a read model at a point in time, and that point.

    Raises Invalid, TryAgain, DatabaseAway.
    """
    name = read_model.replace("-", "_")
    if name not in LISTS:
        raise Invalid("read_model", f"There is no such read model; there are {', '.join(LISTS)}.")
    query = AsOfQuery.from_request(db, at, now)
    items: list[Any] = []
    cursor: str | None = None
    while len(items) < limit:
        page = LISTS[name](query.source, query.now, min(MAX_ROWS, limit - len(items)), cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return query.point_in_time, items
