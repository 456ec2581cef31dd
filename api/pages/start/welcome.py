"""The first sign-in: it proposes the browser's time zone, in which guests are offered the person's hours."""

from collections.abc import Sequence
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
from integrations.time_zone_names import TimeZoneName, find_time_zones, name_place

router = APIRouter(prefix="/welcome", include_in_schema=False, route_class=PageRoute)

SEVERAL_ZONES = "Several time zones are called that. Choose one of these."
MAX_MATCHES = 8
ZoneText = Annotated[str, Depends(FormText("time_zone"))]
ChosenZone = Annotated[str, Depends(FormText("chosen_zone"))]
NextPath = Annotated[str, Depends(FormText("next", default="/", max_length=2000))]


@router.get("")
def show_welcome(request: Request, viewer: Viewer, next: str = "/") -> Response:
    """Show the person's time zone, and the browser's where there is a script, to be confirmed."""
    return render_welcome(request, viewer, ensure_local_path(next), viewer.person.properties.time_zone)


@router.post("")
def confirm_time_zone(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    time_zone: ZoneText,
    chosen_zone: ChosenZone,
    next: NextPath,
) -> Response:
    """Save the confirmed time zone, and lead to where the person wanted to go. A city will do, too."""
    path, typed_zone = ensure_local_path(next), (chosen_zone or time_zone).strip()
    matches = find_matching_zones(typed_zone)
    if len(matches) > 1:
        return render_welcome(request, viewer, path, time_zone, {"time_zone": SEVERAL_ZONES}, matches)
    try:
        changes = validate_form(OwnChanges, {"time_zone": matches[0].id if matches else typed_zone}).get_sent_fields()
    except InvalidForm as error:
        return render_welcome(request, viewer, path, time_zone, error.errors)
    position = services.administration.update_person(viewer.context, viewer.person.id, changes)
    services.onboarding.mark_done(viewer.person.id, ("zone",), viewer.context.now)
    if position is not None:
        services.announce_append()
    return redirect_to(path, f"Your time zone is {name_place(changes['time_zone'])}.", position)


def build_first_path(services: Services, person: Person, next: str) -> str:
    """Return where signing in leads: to the welcome page until the person has confirmed a time zone, else to `next`."""
    if services.onboarding.list_done_steps(person.id).isdisjoint({"zone", "finished"}):
        return build_url("/welcome", {"next": next if next != "/" else None})
    return next


def find_matching_zones(text: str) -> Sequence[TimeZoneName]:
    """Return the zones that a typed text can mean, the nearest first; none for the id of a zone."""
    return () if text in list_time_zones() or not text else find_time_zones(text)[:MAX_MATCHES]


def render_welcome(
    request: Request,
    viewer: Caller,
    next: str,
    time_zone: str,
    errors: dict[str, str] | None = None,
    matches: Sequence[TimeZoneName] = (),
) -> Response:
    """Render the welcome page; `matches` are the zones that the typed text can mean."""
    return render_page(
        request,
        "start/welcome.html",
        422 if errors else 200,
        name=viewer.person.properties.name,
        time_zone=time_zone,
        zones=sorted(list_time_zones()),
        next=next,
        errors=errors or {},
        matches=matches,
    )
