"""A team's month recounted with other weights, next to what happened."""

from datetime import date, timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.pages.teams.form import PRIORITY_RULE, WEIGHT_RULE, parse_number, parse_numbers_beside_people
from api.pages.teams.lists import load_team_row
from api.v1.teams.recounts import READERS, build_recount, parse_month
from domain.refusals import Invalid
from domain.team import MAX_PRIORITY, MAX_WEIGHT

router = APIRouter(prefix="/teams", include_in_schema=False, route_class=PageRoute)


@router.get("/{id}/recount", dependencies=[WaitsForPosition])
def show_recount(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show a month as it happened, and with the weights that were typed (manager, auditor)."""
    viewer.require_any_role(*READERS)
    team, pairs = load_team_row(services, id), request.query_params.multi_items()
    typed = {
        "weight": parse_numbers_beside_people(pairs, "weight"),
        "priority": parse_numbers_beside_people(pairs, "priority"),
    }
    errors: dict[str, str] = {}
    weights = parse_numbers("weight", typed["weight"], (1, MAX_WEIGHT), WEIGHT_RULE, errors)
    priorities = parse_numbers("priority", typed["priority"], (0, MAX_PRIORITY), PRIORITY_RULE, errors)
    try:
        month = parse_month(services, request.query_params.get("month") or None)
    except Invalid as refusal:
        errors["month"], month = refusal.message, parse_month(services, None)
    recount = build_recount(services, team, month, weights, priorities)
    return render_page(
        request,
        "teams/recount.html",
        422 if errors else 200,
        team=team,
        recount=recount,
        month=month,
        previous=find_neighbour(month, -1),
        following=find_neighbour(month, 32),
        typed=typed,
        is_recounted=bool(weights or priorities) and not errors,
        errors=errors,
    )


def parse_numbers(
    name: str, texts: dict[UUID, str], bounds: tuple[int, int], rule: str, errors: dict[str, str]
) -> dict[UUID, int]:
    """Return the numbers that were typed beside people; adds to `errors` what is none of the range."""
    numbers = {id: parse_number(text, *bounds) for id, text in texts.items() if text}
    errors |= {f"{name}_{id}": rule for id, number in numbers.items() if number is None}
    return {id: number for id, number in numbers.items() if number is not None}


def find_neighbour(month: date, days: int) -> date:
    """Return a day of the month so many days from the first day of one."""
    return month + timedelta(days=days)
