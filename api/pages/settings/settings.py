"""The viewer's own settings: hours and zone, API keys, sessions, the extension."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import Form, FormText
from api.pages.admin.person_form import build_form_context, parse_person_form
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.edit_conflicts import find_differences
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.api_keys import START_OF_LIST
from api.v1.calendar_feed import find_feed, replace_feed, to_feed_response
from api.v1.calendars import list_calendars
from api.v1.request_bodies import ApiKeyRequest, OwnChanges
from domain.person import Person
from domain.refusals import NotFound, Refusal, VersionConflict
from store.credentials.api_keys import generate_key

router = APIRouter(prefix="/settings", include_in_schema=False, route_class=PageRoute)

MAX_KEYS = 200
KeyName = Annotated[str, Depends(FormText("key_name"))]
OWN_FIELDS = ("time_zone", "weekly_hours", "date_overrides")


@router.get("")
def show_settings(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show the current settings."""
    return render_settings(request, services, viewer, viewer.person.properties.model_dump(), viewer.person.version)


@router.post("/hours")
def update_hours(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Change the viewer's zone and hours, unless somebody else changed them since the form was loaded."""
    form_values = parse_person_form(form, viewer.person.properties.model_dump(), viewer.today)
    values, version = {name: form_values[name] for name in OWN_FIELDS}, form.get_value("version")
    try:
        changes = validate_form(OwnChanges, values).get_sent_fields()
        expected_version = int(version) if version.isdecimal() else None
        position = services.administration.update_person(viewer.context, viewer.person.id, changes, expected_version)
    except VersionConflict:
        person = services.administration.load_aggregate(Person, viewer.person.id)
        theirs = find_differences(person.properties.model_dump(), values)
        return render_settings(request, services, viewer, values, person.version, {}, theirs, status=412)
    except (InvalidForm, Refusal) as error:
        return render_settings(request, services, viewer, values, version, collect_field_errors(error), status=422)
    if position is not None:
        services.announce_append()
    return redirect_to("/settings", "Saved your hours." if position else "Nothing was changed.", position)


@router.post("/keys")
def make_key(request: Request, services: CurrentServices, viewer: Viewer, key_name: KeyName) -> Response:
    """Create an API key and show it, only this once."""
    values = viewer.person.properties.model_dump()
    try:
        key_request = validate_form(ApiKeyRequest, {"name": key_name.strip()})
    except InvalidForm as error:
        return render_settings(
            request, services, viewer, values, viewer.person.version, {"key_name": get_first_error(error)}, status=422
        )
    key = generate_key()
    services.api_keys.create_key(uuid4(), viewer.person.id, key_request.name, key, viewer.context.now)
    return render_settings(request, services, viewer, values, viewer.person.version, created_key=key, status=201)


@router.post("/keys/{id}/revoke")
def revoke_key(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Revoke an API key of the viewer."""
    if not services.api_keys.delete_key(id, viewer.person.id):
        raise NotFound
    return redirect_to("/settings#keys", "Ended the API key.")


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


def render_settings(
    request: Request,
    services: Services,
    viewer: Caller,
    values: dict[str, Any],
    version: int | str,
    errors: dict[str, str] | None = None,
    theirs: list[Any] | None = None,
    created_key: str | None = None,
    status: int = 200,
) -> Response:
    """Render the settings page."""
    return render_page(
        request,
        "settings/settings.html",
        status,
        **build_form_context(values, viewer.today),
        version=version,
        errors=errors or {},
        theirs=theirs or [],
        created_key=created_key,
        keys=list_keys(services, viewer.person.id),
        feed=to_feed_response(services, find_feed(services, viewer.person)),
        calendars=list_calendars(services, viewer)["items"],
    )


def list_keys(services: Services, person_id: UUID) -> list[dict[str, Any]]:
    """Return a person's API keys that have not ended, newest first."""
    return services.api_keys.list_keys(person_id, START_OF_LIST, MAX_KEYS)[::-1]


def get_first_error(error: InvalidForm) -> str:
    """Return the error of a form that has only one field."""
    return next(iter(error.errors.values()))
