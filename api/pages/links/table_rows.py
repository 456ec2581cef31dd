"""Links as the pages' tables show them: with their state, their address, and what the viewer may do with each."""

from datetime import datetime, timedelta
from typing import Any

from api.http.dependencies import Caller
from api.http.responses import link_row
from api.services import Oncelink
from projections import links
from projections.links import LinkFilters
from projections.queries.pagination import Page

SOON = timedelta(days=7)
PAGE = 50


def link_rows(
    parts: Oncelink, viewer: Caller, filters: LinkFilters, sort: str, cursor: str | None
) -> Page[dict[str, Any]]:
    """A page of links. Raises Invalid."""
    found = links.page(parts.live, viewer.context.now, filters, sort, PAGE, cursor)
    return Page([for_table(parts, viewer, row) for row in found.items], found.next_cursor, found.previous_cursor)


def for_table(parts: Oncelink, viewer: Caller, row: Any) -> dict[str, Any]:
    """A link's row with `url`, `state` and what the viewer `may`. Raises NotFound for no row."""
    return {**link_row(parts, row), "state": state_of(row, viewer.context.now), "may": abilities(viewer, row)}


def state_of(row: Any, now: datetime) -> str:
    """The link's status, or that an active one expires soon."""
    expires = row["expires_at"]
    return "soon" if row["status"] == "active" and expires and expires - now < SOON else str(row["status"])


def abilities(viewer: Caller, row: Any) -> set[str]:
    """What to offer the viewer; whether it is done, the command decides."""
    roles, own, standard = viewer.context.roles, row["owner"]["id"] == viewer.person.id, row["kind"] == "standard"
    if "member" not in roles or row["status"] == "deleted":
        return set()
    found = {"copy"} if own or row["in_library"] or "manager" in roles else set()
    if "manager" in roles or (own and standard):
        found.add("switch")
        if standard:
            found |= {"edit", "delete"}
    return found
