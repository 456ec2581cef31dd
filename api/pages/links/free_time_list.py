"""Which links of a list have no free time: asked for once the list is shown, so that the list itself stays quick."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices
from api.pages.links.free_time import LOOK_AHEAD_DAYS, find_missing_time
from api.pages.links.table_rows import PAGE_SIZE
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.services import Services
from domain.commands.offers import list_dependency_ids
from domain.link import Link
from domain.permissions import is_link_visible
from domain.team import Team

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

LinkIds = Annotated[list[UUID], Query(max_length=PAGE_SIZE)]


@router.get("/free-time")
def list_links_without_time(request: Request, services: CurrentServices, viewer: Viewer, id: LinkIds) -> Response:
    """Say of each of these active links that the viewer sees why guests find no time in 30 days; nothing of others."""
    viewer.require_any_role("member", "auditor")
    sentences = {
        link_id: f"No free time in {LOOK_AHEAD_DAYS} days: {reason}"
        for link_id in load_visible_links(services, viewer, dict.fromkeys(id))
        if (reason := find_missing_time(services, link_id, viewer.context.now, fresh=False))
    }
    return render_page(request, "links/free_time_found.html", sentences=sentences)


def load_visible_links(services: Services, viewer: Caller, ids: Iterable[UUID]) -> list[UUID]:
    """Return the ids of those links that the viewer may see, in three queries.

    After them the cache is up to date with the links and all that they depend on.
    """
    links = services.links.load_aggregates(ids).values()
    visible_links = [link for link in links if isinstance(link, Link) and is_link_visible(viewer.context, link)]
    dependency_ids = {id for link in visible_links for id in list_dependency_ids(link)}
    dependencies = services.links.load_aggregates(dependency_ids).values()
    services.links.load_aggregates({id for team in dependencies if isinstance(team, Team) for id in team.member_ids})
    return [link.id for link in visible_links]
