"""Administration of people: who signs in, with which roles and hours; adding, changing, deactivating."""

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response

from api.http.dependencies import VISIBLE_ASCII, Caller, Id, Parts, digestible
from api.pages.admin.hours_form import Sent
from api.pages.admin.person_form import NEW, shown, text, typed
from api.pages.links.edit_impact import counted
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.edit_conflicts import differences
from api.pages.rendering.forms import WrongForm, checked, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import PageCursor, Row, Words
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from api.v1.request_bodies import NewPerson, PersonChanges
from domain.person import Person, PersonProperties
from domain.refusals import Refusal, VersionConflict
from projections import people
from projections.queries import departures

router = APIRouter(prefix="/admin/people", include_in_schema=False, route_class=PageRoute)


@router.get("", dependencies=[CaughtUp])
def listed(
    request: Request, parts: Parts, viewer: Viewer, q: Words = None, cursor: PageCursor = None, row: Row = 1
) -> Response:
    """Everybody, by name."""
    viewer.require("admin")
    page = people.page(parts.live, q, "name", cursor=cursor)
    return render(request, "admin/people.html", page=page, q=q, row=row)


@router.get("/new")
def ask_new(request: Request, viewer: Viewer) -> Response:
    """An empty form."""
    viewer.require("admin")
    values = NEW | {"time_zone": viewer.person.properties.time_zone}
    return render(request, "admin/person.html", **new(viewer, values, secrets.token_urlsafe(18)))


@router.post("/new")
def add(request: Request, parts: Parts, viewer: Viewer, form: Sent) -> Response:
    """Adds a person, once however often the button is pressed."""
    viewer.require("admin")
    values, key = typed(form, {}, viewer.today), text(form, "key")
    try:
        body = checked(NewPerson, values)
        properties = PersonProperties(**{name: value for name, value in dict(body).items() if value is not None})
        wanted_key = key if VISIBLE_ASCII.fullmatch(key) else None
        outcome = parts.staffing.add_person(viewer.context, properties, wanted_key, digestible(body, route="people"))
    except (WrongForm, Refusal) as error:
        return render(request, "admin/person.html", 422, **new(viewer, values, key, errors_of(error)))
    parts.appended()
    return go_on("/admin/people", f"Added {properties.name}.", outcome.position)


@router.get("/{id}")
def ask_change(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """The form of a person as they are."""
    viewer.require("admin")
    person = parts.staffing.get(Person, id)
    values = person.properties.model_dump()
    return render(request, "admin/person.html", **existing(viewer, person, values, person.version))


@router.post("/{id}")
def change(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Sent) -> Response:
    """Changes a person, unless somebody else did meanwhile."""
    viewer.require("admin")
    person = parts.staffing.get(Person, id)
    values = typed(form, person.properties.model_dump(), viewer.today)
    version = text(form, "version")
    try:
        changes = checked(PersonChanges, values).given()
        position = parts.staffing.update_person(
            viewer.context, id, changes, int(version) if version.isdecimal() else None
        )
    except VersionConflict:
        now = parts.staffing.get(Person, id)
        theirs = differences(now.properties.model_dump(), values)
        return render(request, "admin/person.html", 412, **existing(viewer, now, values, now.version, theirs=theirs))
    except (WrongForm, Refusal) as error:
        given = existing(viewer, person, values, version, errors_of(error))
        return render(request, "admin/person.html", 422, **given)
    return done(
        parts, f"/admin/people/{id}", f"Saved {values['name']}." if position else "Nothing was changed.", position
    )


@router.get("/{id}/deactivate")
def ask_deactivate(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Says what deactivating ends, and what it leaves behind."""
    viewer.require("admin")
    left = departures.left_behind(parts.live, id, viewer.context.now)
    return render(request, "admin/deactivate.html", person=parts.staffing.get(Person, id), left=left, counted=counted)


@router.post("/{id}/deactivate")
def deactivate(parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Ends a person's sessions and keys, and stops offering their time."""
    viewer.require("admin")
    return done(parts, f"/admin/people/{id}", "Deactivated.", parts.staffing.deactivate(viewer.context, id))


@router.post("/{id}/activate")
def activate(parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Puts a person back into service."""
    viewer.require("admin")
    return done(parts, f"/admin/people/{id}", "Activated.", parts.staffing.activate(viewer.context, id))


def new(viewer: Caller, values: dict[str, Any], key: str, errors: dict[str, str] | None = None) -> dict[str, Any]:
    """What the form of a new person is given."""
    return {
        **shown(values, viewer.today),
        "person": None,
        "version": "",
        "key": key,
        "errors": errors or {},
        "theirs": [],
    }


def existing(
    viewer: Caller,
    person: Person,
    values: dict[str, Any],
    version: int | str,
    errors: dict[str, str] | None = None,
    theirs: list[Any] | None = None,
) -> dict[str, Any]:
    """What the form of a person is given."""
    return {
        **shown(values, viewer.today),
        "person": person,
        "version": version,
        "key": "",
        "errors": errors or {},
        "theirs": theirs or [],
    }


def done(parts: Oncelink, path: str, sentence: str, position: int | None) -> Response:
    """On to a page that says what was done."""
    if position is not None:
        parts.appended()
    return go_on(path, sentence, position)
