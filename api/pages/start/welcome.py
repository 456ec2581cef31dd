"""The first sign-in: it proposes the browser's time zone, in which guests are offered the person's hours."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.field_types import list_time_zones
from api.http.dependencies import Caller, CurrentServices
from api.http.form_body import FormText
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import build_url, ensure_local_path
from api.services import Services
from api.v1.bodies.people import OwnChanges
from domain.person import Person

router = APIRouter(prefix="/welcome", include_in_schema=False, route_class=PageRoute)

ZoneText = Annotated[str, Depends(FormText("time_zone"))]
NextPath = Annotated[str, Depends(FormText("next", default="/", max_length=2000))]


@router.get("")
def show_welcome(request: Request, viewer: Viewer, next: str = "/") -> Response:
    """Show the person's time zone, and the browser's where there is a script, to be confirmed."""
    return render_welcome(request, viewer, ensure_local_path(next), viewer.person.properties.time_zone)


@router.post("")
def confirm_time_zone(
    request: Request, services: CurrentServices, viewer: Viewer, time_zone: ZoneText, next: NextPath
) -> Response:
    """Save the confirmed time zone, and lead to where the person wanted to go."""
    path = ensure_local_path(next)
    try:
        changes = validate_form(OwnChanges, {"time_zone": time_zone.strip()}).get_sent_fields()
    except InvalidForm as error:
        return render_welcome(request, viewer, path, time_zone, error.errors)
    position = services.administration.update_person(viewer.context, viewer.person.id, changes)
    services.onboarding.mark_done(viewer.person.id, ("zone",), viewer.context.now)
    if position is not None:
        services.announce_append()
    return redirect_to(path, f"Your time zone is {changes['time_zone']}.", position)


def build_first_path(services: Services, person: Person, next: str) -> str:
    """Return where signing in leads: to the welcome page until the person has confirmed a time zone, else to `next`."""
    if services.onboarding.list_done_steps(person.id).isdisjoint({"zone", "finished"}):
        return build_url("/welcome", {"next": next if next != "/" else None})
    return next


def render_welcome(
    request: Request, viewer: Caller, next: str, time_zone: str, errors: dict[str, str] | None = None
) -> Response:
    """Render the welcome page."""
    return render_page(
        request,
        "start/welcome.html",
        422 if errors else 200,
        name=viewer.person.properties.name,
        time_zone=time_zone,
        zones=sorted(list_time_zones()),
        next=next,
        errors=errors or {},
    )
