"""The list of teams, and a team's page."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.responses import require_row
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import render_page
from api.services import Services
from domain.availability.hours import load_zone
from domain.person import Person
from projections import links, managed_links, teams
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkFilters
from projections.teams import TeamRow
from replay.history import event_history
from replay.history.event_history import HistoryFilters

router = APIRouter(prefix="/teams", include_in_schema=False, route_class=PageRoute)

READER_ROLES = ("member", "auditor")
MAX_LINKS = 50
MAX_STORY_EVENTS = 8


@router.get("", dependencies=[WaitsForPosition])
def list_teams(request: Request, services: CurrentServices, viewer: Viewer, query: ListQuery) -> Response:
    """Show all teams, by name (member, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    page = teams.list_teams(services.live_source, query.q, "name", cursor=query.cursor)
    return render_page(request, "teams/list.html", page=page, q=query.q, row=query.row)


@router.get("/{id}", dependencies=[WaitsForPosition])
def show_team(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show a team: its members, the links that have it, and its events (member, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    team, zone = load_team_row(services, id), viewer.person.properties.time_zone
    story = event_history.list_events(
        services.database, HistoryFilters(stream_id=id), "-position", MAX_STORY_EVENTS, None, zone
    )
    return render_page(
        request,
        "teams/team.html",
        team=team,
        away=find_absences(services, team, viewer.context.now),
        links=list_visible_links(services, viewer, id),
        managed=list_managed_links(services, viewer, id),
        story=story,
    )


def load_team_row(services: Services, id: UUID) -> TeamRow:
    """Return a team, always current. Raises NotFound, also for one that was deleted."""
    return require_row(teams.find_team(services.from_log(), id))


def find_absences(services: Services, team: TeamRow, now: datetime) -> dict[UUID, str]:
    """Return the last day of the absence that each member is on at an instant, in their own zone, by person."""
    people = services.administration.load_aggregates([member["person_id"] for member in team["members"]])
    last_days = {id: find_last_day_off(person, now) for id, person in people.items() if isinstance(person, Person)}
    return {id: last_day for id, last_day in last_days.items() if last_day is not None}


def find_last_day_off(person: Person, now: datetime) -> str | None:
    """Return the last day of the absence that a person is on at an instant, YYYY-MM-DD; None for none."""
    today = now.astimezone(load_zone(person.properties.time_zone)).date().isoformat()
    absences = person.properties.absences
    return max((one.last_day for one in absences if one.first_day <= today <= one.last_day), default=None)


def list_visible_links(services: Services, viewer: Caller, team_id: UUID) -> list[Any]:
    """Return the standard links with a team that the viewer may open: all of them, or one's own and the library's."""
    views = ("all",) if viewer.context.roles & {"manager", "auditor"} else ("mine", "library")
    pages = [
        links.list_links(
            services.live_source,
            viewer.context.now,
            LinkFilters(view, viewer.person.id, kind="standard", team_id=team_id),  # type: ignore[arg-type]
            "name",
            MAX_LINKS,
        )
        for view in views
    ]
    return list({row["id"]: row for page in pages for row in page.items}.values())


def list_managed_links(services: Services, viewer: Caller, team_id: UUID) -> list[Any]:
    """Return the managed links with a team, for who may see them."""
    if not viewer.context.roles & {"manager", "auditor"}:
        return []
    filters = ManagedLinkFilters(team_id=team_id)
    page = managed_links.list_managed_links(services.live_source, viewer.context.now, filters, "name", MAX_LINKS)
    return list(page.items)
