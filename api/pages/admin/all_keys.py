"""Everybody's API keys, for admins: whose they are, what they may do, when they were used; each can be ended."""

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.credentials.api_keys import START_OF_LIST, add_owners, parse_cursor, revoke_key
from projections.queries.pagination import Page

router = APIRouter(prefix="/admin/keys", include_in_schema=False, route_class=PageRoute)

PAGE_SIZE = 50


@router.get("")
def list_all_keys(request: Request, services: CurrentServices, viewer: Viewer, query: ListQuery) -> Response:
    """Show everybody's keys that have not ended, oldest first (admin)."""
    viewer.require_any_role("admin")
    after = parse_cursor(services, viewer, "all", query.cursor) if query.cursor else START_OF_LIST
    rows = services.api_keys.list_all_keys(after, PAGE_SIZE + 1)
    next_cursor = str(rows[PAGE_SIZE - 1]["id"]) if len(rows) > PAGE_SIZE else None
    page = Page(add_owners(services, rows[:PAGE_SIZE]), next_cursor)
    return render_page(request, "admin/keys.html", page=page, row=query.row)


@router.post("/{id}/revoke")
def end_key(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """End anybody's key (admin). Raises NotFound."""
    viewer.require_any_role("admin")
    revoke_key(services, request, viewer, id)
    return redirect_to("/admin/keys", "Ended the API key.")
