"""Rows of links for tables: with their state, their URL, and what the viewer may do with each."""

from datetime import datetime, timedelta
from typing import Any

from api.http.dependencies import Caller
from api.http.responses import add_link_url
from api.services import Services
from projections import links
from projections.links import LinkFilters
from projections.queries.pagination import Page

EXPIRES_SOON = timedelta(days=7)
PAGE_SIZE = 50


def list_links(
    services: Services, viewer: Caller, filters: LinkFilters, sort: str, cursor: str | None
) -> Page[dict[str, Any]]:
    """Return a page of links as table rows. Raises Invalid."""
    page = links.list_links(services.live_source, viewer.context.now, filters, sort, PAGE_SIZE, cursor)
    return Page([build_table_row(services, viewer, row) for row in page.items], page.next_cursor, page.previous_cursor)


def build_table_row(services: Services, viewer: Caller, row: Any) -> dict[str, Any]:
    """Return a link's row with `url`, `state` and `may`, the actions to offer. Raises NotFound if the row is None."""
    return {
        **add_link_url(services, row),
        "state": derive_state(row, viewer.context.now),
        "may": list_permitted_actions(viewer, row),
    }


def derive_state(row: Any, now: datetime) -> str:
    """Return the link's status, or `soon` for an active link that expires within a week."""
    expires_at = row["expires_at"]
    return (
        "soon" if row["status"] == "active" and expires_at and expires_at - now < EXPIRES_SOON else str(row["status"])
    )


def list_permitted_actions(viewer: Caller, row: Any) -> set[str]:
    """Return the actions to offer to the viewer: copy, switch, edit, delete. The command decides."""
    roles, is_owner, is_standard = (
        viewer.context.roles,
        row["owner"]["id"] == viewer.person.id,
        row["kind"] == "standard",
    )
    if "member" not in roles or row["status"] == "deleted":
        return set()
    actions = {"copy"} if is_owner or row["in_library"] or "manager" in roles else set()
    if "manager" in roles or (is_owner and is_standard):
        actions.add("switch")
        if is_standard:
            actions |= {"edit", "delete"}
    return actions
