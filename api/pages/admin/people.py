"""Administration of people: listing, adding, changing, deactivating and activating them."""

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response

from api.http.dependencies import VISIBLE_ASCII, Caller, CurrentServices, Id, describe_request
from api.http.form_body import Form
from api.pages.admin.person_form import EMPTY_VALUES, build_form_context, parse_person_form
from api.pages.links.edit_impact import format_count
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.edit_conflicts import find_differences
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import PageCursor, RowNumber, SearchQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.request_bodies import NewPerson, PersonChanges
from domain.person import Person, PersonProperties
from domain.refusals import Refusal, VersionConflict
from projections import people
from projections.queries import departures

router = APIRouter(prefix="/admin/people", include_in_schema=False, route_class=PageRoute)


@router.get("", dependencies=[WaitsForPosition])
def list_people(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    q: SearchQuery = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show everybody, by name (admin)."""
    viewer.require_any_role("admin")
    page = people.list_people(services.live_source, q, "name", cursor=cursor)
    return render_page(request, "admin/people.html", page=page, q=q, row=row)


@router.get("/new")
def show_new_form(request: Request, viewer: Viewer) -> Response:
    """Show an empty form (admin)."""
    viewer.require_any_role("admin")
    values = EMPTY_VALUES | {"time_zone": viewer.person.properties.time_zone}
    return render_page(request, "admin/person.html", **build_new_context(viewer, values, secrets.token_urlsafe(18)))


@router.post("/new")
def add_person(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Add a person, only once however often the form is sent (admin)."""
    viewer.require_any_role("admin")
    values, key = parse_person_form(form, {}, viewer.today), form.get_value("key")
    try:
        body = validate_form(NewPerson, values)
        properties = PersonProperties(**{name: value for name, value in dict(body).items() if value is not None})
        idempotency_key = key if VISIBLE_ASCII.fullmatch(key) else None
        result = services.administration.add_person(
            viewer.context, properties, idempotency_key, describe_request(body, route="people")
        )
    except (InvalidForm, Refusal) as error:
        return render_page(
            request, "admin/person.html", 422, **build_new_context(viewer, values, key, collect_field_errors(error))
        )
    services.announce_append()
    return redirect_to("/admin/people", f"Added {properties.name}.", result.position)


@router.get("/{id}")
def show_edit_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form of a person as they are (admin)."""
    viewer.require_any_role("admin")
    person = services.administration.load_aggregate(Person, id)
    values = person.properties.model_dump()
    return render_page(request, "admin/person.html", **build_edit_context(viewer, person, values, person.version))


@router.post("/{id}")
def update_person(request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form) -> Response:
    """Change a person, unless somebody else changed them since the form was loaded (admin)."""
    viewer.require_any_role("admin")
    person = services.administration.load_aggregate(Person, id)
    values = parse_person_form(form, person.properties.model_dump(), viewer.today)
    version = form.get_value("version")
    try:
        changes = validate_form(PersonChanges, values).get_sent_fields()
        position = services.administration.update_person(
            viewer.context, id, changes, int(version) if version.isdecimal() else None
        )
    except VersionConflict:
        current = services.administration.load_aggregate(Person, id)
        theirs = find_differences(current.properties.model_dump(), values)
        return render_page(
            request,
            "admin/person.html",
            412,
            **build_edit_context(viewer, current, values, current.version, theirs=theirs),
        )
    except (InvalidForm, Refusal) as error:
        context = build_edit_context(viewer, person, values, version, collect_field_errors(error))
        return render_page(request, "admin/person.html", 422, **context)
    return redirect_after_change(
        services, f"/admin/people/{id}", f"Saved {values['name']}." if position else "Nothing was changed.", position
    )


@router.get("/{id}/deactivate")
def show_deactivate_confirmation(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show what deactivating a person ends, and what is left to hand over (admin)."""
    viewer.require_any_role("admin")
    impact = departures.count_departure_impact(services.live_source, id, viewer.context.now)
    return render_page(
        request,
        "admin/deactivate.html",
        person=services.administration.load_aggregate(Person, id),
        left=impact,
        counted=format_count,
    )


@router.post("/{id}/deactivate")
def deactivate_person(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Deactivate a person: their sessions and keys end, their time is no longer offered (admin)."""
    viewer.require_any_role("admin")
    return redirect_after_change(
        services, f"/admin/people/{id}", "Deactivated.", services.administration.deactivate_person(viewer.context, id)
    )


@router.post("/{id}/activate")
def activate_person(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Activate a person again (admin)."""
    viewer.require_any_role("admin")
    return redirect_after_change(
        services, f"/admin/people/{id}", "Activated.", services.administration.activate_person(viewer.context, id)
    )


def build_new_context(
    viewer: Caller, values: dict[str, Any], key: str, errors: dict[str, str] | None = None
) -> dict[str, Any]:
    """Build the template context of the form of a new person."""
    return {
        **build_form_context(values, viewer.today),
        "person": None,
        "version": "",
        "key": key,
        "errors": errors or {},
        "theirs": [],
    }


def build_edit_context(
    viewer: Caller,
    person: Person,
    values: dict[str, Any],
    version: int | str,
    errors: dict[str, str] | None = None,
    theirs: list[Any] | None = None,
) -> dict[str, Any]:
    """Build the template context of the form of an existing person."""
    return {
        **build_form_context(values, viewer.today),
        "person": person,
        "version": version,
        "key": "",
        "errors": errors or {},
        "theirs": theirs or [],
    }


def redirect_after_change(services: Services, path: str, sentence: str, position: int | None) -> Response:
    """Redirect to a page with a message about what was done."""
    if position is not None:
        services.announce_append()
    return redirect_to(path, sentence, position)
