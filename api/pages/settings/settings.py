"""One's own settings: hours and zone, API keys, sessions, the extension."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.admin.hours_form import Sent
from api.pages.admin.person_form import shown, text, typed
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.edit_conflicts import differences
from api.pages.rendering.forms import WrongForm, checked, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from api.v1.api_keys import BEGINNING
from api.v1.calendar_feed import feed_of, made_anew
from api.v1.calendar_feed import shown as shown_feed
from api.v1.calendars import list_calendars
from api.v1.request_bodies import ApiKeyRequest, OwnChanges
from domain.person import Person
from domain.refusals import NotFound, Refusal, VersionConflict
from store.credentials.api_keys import new_key

router = APIRouter(prefix="/settings", include_in_schema=False, route_class=PageRoute)

MOST_KEYS = 200
OWN = ("time_zone", "weekly_hours", "date_overrides")


@router.get("")
def settings(request: Request, parts: Parts, viewer: Viewer) -> Response:
    """The settings as they are."""
    return page(request, parts, viewer, viewer.person.properties.model_dump(), viewer.person.version)


@router.post("/hours")
def change_hours(request: Request, parts: Parts, viewer: Viewer, form: Sent) -> Response:
    """Changes the viewer's zone and hours, unless somebody else did meanwhile."""
    found = typed(form, viewer.person.properties.model_dump(), viewer.today)
    values, version = {name: found[name] for name in OWN}, text(form, "version")
    try:
        changes = checked(OwnChanges, values).given()
        on = int(version) if version.isdecimal() else None
        position = parts.staffing.update_person(viewer.context, viewer.person.id, changes, on)
    except VersionConflict:
        now = parts.staffing.get(Person, viewer.person.id)
        theirs = differences(now.properties.model_dump(), values)
        return page(request, parts, viewer, values, now.version, {}, theirs, status=412)
    except (WrongForm, Refusal) as error:
        return page(request, parts, viewer, values, version, errors_of(error), status=422)
    if position is not None:
        parts.appended()
    return go_on("/settings", "Saved your hours." if position else "Nothing was changed.", position)


@router.post("/keys")
def make_key(request: Request, parts: Parts, viewer: Viewer, key_name: Annotated[str, Form()] = "") -> Response:
    """Makes an API key and shows it, this once."""
    values = viewer.person.properties.model_dump()
    try:
        wanted = checked(ApiKeyRequest, {"name": key_name.strip()})
    except WrongForm as error:
        return page(request, parts, viewer, values, viewer.person.version, {"key_name": one_of(error)}, status=422)
    key = new_key()
    parts.keys.make(uuid4(), viewer.person.id, wanted.name, key, viewer.context.now)
    return page(request, parts, viewer, values, viewer.person.version, made=key, status=201)


@router.post("/keys/{id}/revoke")
def revoke_key(parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Ends an API key of the viewer's."""
    if not parts.keys.delete(id, viewer.person.id):
        raise NotFound
    return go_on("/settings#keys", "Ended the API key.")


@router.post("/calendar")
def make_feed(parts: Parts, viewer: Viewer) -> Response:
    """Makes a new secret address of the viewer's calendar, and ends the one before."""
    made_anew(parts, viewer)
    return go_on("/settings#calendar", "Made a new calendar address. One from before has ended.")


@router.post("/calendar/end")
def end_feed(parts: Parts, viewer: Viewer) -> Response:
    """Ends the viewer's calendar address."""
    parts.feeds.end(viewer.person.id, viewer.context.now)
    return go_on("/settings#calendar", "Ended the calendar address.")


def page(
    request: Request,
    parts: Oncelink,
    viewer: Caller,
    values: dict[str, Any],
    version: int | str,
    errors: dict[str, str] | None = None,
    theirs: list[Any] | None = None,
    made: str | None = None,
    status: int = 200,
) -> Response:
    """The page of all settings."""
    return render(
        request,
        "settings/settings.html",
        status,
        **shown(values, viewer.today),
        version=version,
        errors=errors or {},
        theirs=theirs or [],
        made=made,
        keys=keys_of(parts, viewer.person.id),
        feed=shown_feed(parts, feed_of(parts, viewer.person)),
        calendars=list_calendars(parts, viewer)["items"],
    )


def keys_of(parts: Oncelink, person: UUID) -> list[dict[str, Any]]:
    """The API keys that have not ended, newest first."""
    return parts.keys.page(person, BEGINNING, MOST_KEYS)[::-1]


def one_of(error: WrongForm) -> str:
    """What is wrong with a form of one field."""
    return next(iter(error.errors.values()))
