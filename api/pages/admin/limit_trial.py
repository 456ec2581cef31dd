"""A limit tried on last month: what it would have refused, before it is set."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.admin.days_off_form import parse_number
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.v1.limit_trials.routes import LimitTrialAnswer, build_limits, build_person_trial, build_type_trial, parse_month
from domain.availability.limits import BookingLimits
from domain.meeting_type import MeetingType
from domain.person import Person
from domain.refusals import Invalid

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MAX_MOST = 1000
RULE = f"A whole number from 1 to {MAX_MOST}, or nothing."
BuildTrial = Callable[[BookingLimits, str | None], LimitTrialAnswer]


@router.get("/settings/limit-trial", dependencies=[WaitsForPosition])
def try_own_limit(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show what a limit of one's own would have refused."""
    return render_person_trial(request, services, viewer, viewer.person.id, "/settings", "Settings")


@router.get("/admin/people/{id}/limit-trial", dependencies=[WaitsForPosition])
def try_limit_of_person(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show what a limit of a person would have refused (admin)."""
    viewer.require_any_role("admin")
    name = services.administration.load_aggregate(Person, id).properties.name
    return render_person_trial(request, services, viewer, id, f"/admin/people/{id}", name)


@router.get("/admin/meeting-types/{id}/limit-trial", dependencies=[WaitsForPosition])
def try_limit_of_meeting_type(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show what a limit of a meeting type would have refused (admin)."""
    viewer.require_any_role("admin")
    name = services.administration.load_aggregate(MeetingType, id).properties.name
    zone = services.organisation.load_organisation().properties.time_zone
    return render_trial(
        request,
        viewer,
        (f"/admin/meeting-types/{id}", name, zone),
        lambda limits, month: build_type_trial(services, viewer, id, limits, month),
    )


def render_person_trial(
    request: Request, services: CurrentServices, viewer: Viewer, id: UUID, back: str, back_title: str
) -> Response:
    """Render the trial of a person's limit."""
    zone = services.administration.load_aggregate(Person, id).properties.time_zone
    return render_trial(
        request,
        viewer,
        (back, back_title, zone),
        lambda limits, month: build_person_trial(services, viewer, id, limits, month),
    )


def render_trial(request: Request, viewer: Viewer, place: tuple[str, str, str], build: BuildTrial) -> Response:
    """Render the form with what was typed, and the trial where a limit was."""
    back, back_title, zone = place
    typed = {name: request.query_params.get(name, "").strip() for name in ("per_day", "per_week", "month")}
    numbers = {name: parse_number(typed[name]) for name in ("per_day", "per_week")}
    errors = {name: RULE for name, most in numbers.items() if typed[name] and not is_most(most)}
    trial: LimitTrialAnswer | None = None
    try:
        month = parse_month(typed["month"] or None, zone, viewer.context.now)
        if not errors and any(numbers.values()):
            trial = build(build_limits(numbers["per_day"], numbers["per_week"]), typed["month"] or None)
    except Invalid as refusal:
        errors |= {"month": refusal.message}
        month = parse_month(None, zone, viewer.context.now)
    return render_page(
        request,
        "admin/limit_trial.html",
        422 if errors else 200,
        path=request.url.path,
        back=back,
        back_title=back_title,
        typed=typed,
        month=month,
        trial_zone=zone,
        trial=trial,
        errors=errors,
    )


def is_most(number: Any) -> bool:
    """Whether a number can be a limit."""
    return isinstance(number, int) and 1 <= number <= MAX_MOST
