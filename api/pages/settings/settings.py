"""The viewer's own settings: hours and zone, API keys, sessions, the extension."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.access.key_scopes import Scope
from api.http.dependencies import SESSION_COOKIE, Caller, CurrentServices
from api.http.form_body import Form
from api.pages.admin.person_form import build_form_context, parse_person_form
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.form_submission import FormState, submit_edit
from api.pages.rendering.forms import validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.bodies.people import OwnChanges
from api.v1.calendar_feed import find_feed, replace_feed, to_feed_response
from api.v1.calendars import list_calendars
from api.v1.credentials.api_keys import START_OF_LIST
from domain.person import Person

router = APIRouter(prefix="/settings", include_in_schema=False, route_class=PageRoute)

MAX_KEYS = 200
KEY_SCOPES: dict[Scope, str] = {
    "read": "Look at everything that you may see, except the history",
    "single-use": "Issue and revoke single-use links",
    "bookings": "Move, cancel and reassign meetings",
    "history": "Read the log, past states and the access log",
    "webhooks": "Set up webhooks",
    "scim": "Provision people",
}
OWN_FIELDS = ("time_zone", "weekly_hours", "date_overrides", "limits", "holidays", "absences")


@router.get("")
def show_settings(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show the current settings."""
    return render_own_settings(request, services, viewer)


@router.post("/hours")
def update_hours(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Change the viewer's zone and hours, unless somebody else changed them since the form was loaded."""
    form_values = parse_person_form(form, viewer.person.properties.model_dump(), viewer.today)
    values = {name: form_values[name] for name in OWN_FIELDS if name in form_values}

    def update(version: int | None) -> int | None:
        changes = validate_form(OwnChanges, values).get_sent_fields()
        position = services.administration.update_person(viewer.context, viewer.person.id, changes, version)
        services.onboarding.mark_done(viewer.person.id, ("zone", "hours"), viewer.context.now)
        return position

    return submit_edit(
        services,
        form.get_value("version").strip(),
        values,
        update,
        lambda: services.administration.load_aggregate(Person, viewer.person.id),
        lambda state, status: render_settings(request, services, viewer, values, state, status),
        lambda position: redirect_to(
            "/settings", "Saved your hours." if position else "Nothing was changed.", position
        ),
    )


@router.post("/calendar")
def make_feed(services: CurrentServices, viewer: Viewer) -> Response:
    """Create a new secret URL of the viewer's calendar; the previous one ends."""
    replace_feed(services, viewer)
    return redirect_to("/settings#calendar", "Made a new calendar address. One from before has ended.")


@router.post("/calendar/end")
def end_feed(services: CurrentServices, viewer: Viewer) -> Response:
    """End the viewer's calendar URL."""
    services.feed_tokens.end_token(viewer.person.id, viewer.context.now)
    return redirect_to("/settings#calendar", "Ended the calendar address.")


def render_own_settings(
    request: Request,
    services: Services,
    viewer: Caller,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    created_key: str | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:
    """Render the settings page with the viewer's current hours, and errors and `typed` values of other forms."""
    state = FormState(version=viewer.person.version, errors=errors or {})
    values = viewer.person.properties.model_dump()
    return render_settings(request, services, viewer, values, state, status, created_key, typed or {})


def render_settings(
    request: Request,
    services: Services,
    viewer: Caller,
    values: dict[str, Any],
    state: FormState,
    status: int = 200,
    created_key: str | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:
    """Render the settings page; `typed` has the values of forms that are shown again, by field."""
    return render_page(
        request,
        "settings/settings.html",
        status,
        **build_form_context(services, values, viewer.today, viewer.person.properties),
        **vars(state),
        created_key=created_key,
        typed=typed or {},
        keys=list_keys(services, viewer.person.id),
        key_scopes=KEY_SCOPES,
        sessions=services.sessions.list_sessions(
            viewer.person.id, viewer.context.now, request.cookies.get(SESSION_COOKIE)
        ),
        feed=to_feed_response(services, find_feed(services, viewer.person)),
        calendars=list_calendars(services, viewer)["items"],
    )


def list_keys(services: Services, person_id: UUID) -> list[dict[str, Any]]:
    """Return a person's API keys that have not ended, newest first."""
    return services.api_keys.list_keys(person_id, START_OF_LIST, MAX_KEYS)[::-1]
