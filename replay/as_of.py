"""How things stood at a moment: every read model asked through its own questions, of the log up to there."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.refusals import Invalid
from projections import catalogue, links, managed_links, meeting_log, meeting_types, outbox, people, single_use_links
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.pagination import MOST_ROWS, Page
from projections.queries.query import Source
from projections.single_use_links import SingleUseFilters
from replay.instants import Moment, moment
from store.database import Database

Listed = Callable[[Source, datetime, int, str | None], Page[Any]]

LISTS: Mapping[str, Listed] = {
    "people": lambda source, now, limit, cursor: people.page(source, limit=limit, cursor=cursor),
    "meeting_types": lambda source, now, limit, cursor: meeting_types.page(source, limit=limit, cursor=cursor),
    "managed_links": lambda source, now, limit, cursor: managed_links.page(source, limit=limit, cursor=cursor),
    "links": lambda source, now, limit, cursor: links.page(source, now, LinkFilters(), limit=limit, cursor=cursor),
    "single_use_links": lambda source, now, limit, cursor: single_use_links.page(
        source, now, SingleUseFilters(), limit=limit, cursor=cursor
    ),
    "meeting_log": lambda source, now, limit, cursor: meeting_log.page(
        source, MeetingFilters(), limit=limit, cursor=cursor
    ),
    "outbox": lambda source, now, limit, cursor: outbox.page(source, now, limit=limit, cursor=cursor),
}


@dataclass(frozen=True, slots=True)
class AsOf:
    """A list at a moment: the source to ask, and where its page begins. `at` is what was asked for."""

    db: Database
    at: int | datetime
    moment: Moment
    cursor: str | None = None

    @classmethod
    def asked(cls, db: Database, at: int | datetime, now: datetime, cursor: str | None = None) -> "AsOf":
        """The moment that was asked for; a further page has it from its cursor, so that all pages show the same.

        Raises Invalid for a moment that the log does not have, and for a foreign cursor; TryAgain, DatabaseAway.
        """
        if cursor is None:
            return cls(db, at, moment(db, at, now))
        position, inner = opened(at, cursor)
        found = moment(db, position, now)
        return cls(db, at, found if isinstance(at, int) else Moment(position, at), inner)

    @property
    def source(self) -> Source:
        """The log up to the moment."""
        return catalogue.from_log(self.db, self.moment.position)

    @property
    def now(self) -> datetime:
        """What was "now" then."""
        return self.moment.instant

    def page(self, found: Page[Any]) -> Page[Any]:
        """A page whose cursor also keeps the moment."""
        if found.next_cursor is None:
            return found
        parts = ["as-of", str(self.at), self.moment.position, found.next_cursor]
        return Page(found.items, urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("="))


def opened(at: int | datetime, cursor: str) -> tuple[int, str]:
    """The position and the list's own cursor in a cursor. Raises Invalid for one of another moment."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, wanted, position, inner = json.loads(urlsafe_b64decode(padded))
        if (name, wanted) != ("as-of", str(at)) or not isinstance(inner, str):
            raise ValueError("of another moment")
        if type(position) is not int or not 0 < position < 2**63:
            raise ValueError("no position")
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("cursor", "This cursor does not belong to this list.") from error
    return position, inner


def rows(db: Database, read_model: str, at: int | datetime, now: datetime, limit: int) -> tuple[Moment, list[Any]]:
    """The first rows of a read model as it stood, and the moment. Raises Invalid, TryAgain, DatabaseAway."""
    name = read_model.replace("-", "_")
    if name not in LISTS:
        raise Invalid("read_model", f"There is no such read model; there are {', '.join(LISTS)}.")
    asked = AsOf.asked(db, at, now)
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < limit:
        page = LISTS[name](asked.source, asked.now, min(MOST_ROWS, limit - len(found)), cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return asked.moment, found
