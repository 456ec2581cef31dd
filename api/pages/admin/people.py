"""Administration of people: listing, adding, changing, deactivating and activating them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.access.entries import record_access
from api.http.auditing.recording import watch_role_change
from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import Form
from api.pages.admin.invitations import describe_added, load_invitation
from api.pages.admin.person_form import EMPTY_VALUES, build_form_context, parse_person_form
from api.pages.links.edit_impact import format_count
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.form_keys import generate_form_key
from api.pages.rendering.form_submission import FormState, submit_edit, submit_new
from api.pages.rendering.forms import validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.bodies.people import NewPerson, PersonChanges
from api.v1.people import describe_new_person
from domain.log import CommandResult
from domain.person import Person
from projections import departures, people

router = APIRouter(prefix="/admin/people", include_in_schema=False, route_class=PageRoute)


@router.get("", dependencies=[WaitsForPosition])
def list_people(request: Request, services: CurrentServices, viewer: Viewer, query: ListQuery) -> Response:
    """Show everybody, by name (admin)."""
    viewer.require_any_role("admin")
    page = people.list_people(services.live_source, query.q, "name", cursor=query.cursor)
    return render_page(request, "admin/people.html", page=page, q=query.q, row=query.row)


@router.get("/new")
def show_new_form(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show an empty form (admin)."""
    viewer.require_any_role("admin")
    values = EMPTY_VALUES | {"time_zone": viewer.person.properties.time_zone, "invite": True}
    return render_form(request, services, viewer, None, values, FormState(key=generate_form_key()))


@router.post("/new")
def add_person(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Add a person, only once however often the form is sent (admin)."""
    viewer.require_any_role("admin")
    values = parse_person_form(form, {}, viewer.today) | {"invite": form.get_value("invite") == "on"}

    def add(key: str | None) -> CommandResult:
        body = validate_form(NewPerson, values)
        request_body = describe_new_person(body)
        return services.administration.add_person(viewer.context, body.to_properties(), key, request_body, body.invite)

    return submit_new(
        services,
        viewer.context,
        form.get_value("key").strip(),
        add,
        lambda state, status: render_form(request, services, viewer, None, values, state, status),
        lambda result: redirect_to(
            "/admin/people", describe_added(services, values["name"], values["invite"]), result.position
        ),
    )


@router.get("/{id}")
def show_edit_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form of a person as they are (admin)."""
    viewer.require_any_role("admin")
    person = load_person(services, id)
    return render_form(
        request, services, viewer, person, person.properties.model_dump(), FormState(version=person.version)
    )


@router.post("/{id}")
def update_person(request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form) -> Response:
    """Change a person, unless somebody else changed them since the form was loaded (admin)."""
    viewer.require_any_role("admin")
    values = parse_person_form(form, load_person(services, id).properties.model_dump(), viewer.today)

    def update(version: int | None) -> int | None:
        changes = validate_form(PersonChanges, values).get_sent_fields()
        with watch_role_change(services, request, viewer, id):
            return services.administration.update_person(viewer.context, id, changes, version)

    def redirect(position: int | None) -> Response:
        sentence = f"Saved {values['name']}." if position else "Nothing was changed."
        return redirect_to(f"/admin/people/{id}", sentence, position)

    return submit_edit(
        services,
        form.get_value("version").strip(),
        values,
        update,
        lambda: load_person(services, id),
        lambda state, status: render_form(request, services, viewer, load_person(services, id), values, state, status),
        redirect,
    )


@router.get("/{id}/deactivate")
def show_deactivate_confirmation(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show what deactivating a person ends, and what is left to hand over (admin)."""
    viewer.require_any_role("admin")
    impact = departures.count_departure_impact(services.live_source, id, viewer.context.now)
    return render_page(
        request,
        "admin/deactivate.html",
        person=load_person(services, id),
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


@router.post("/{id}/unlink")
def unlink_identity(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Unlink a person from their identity at the OpenID provider, and end the sessions that began there (admin)."""
    viewer.require_any_role("admin")
    person = load_person(services, id)
    if not services.identities.unbind(person.id):
        return redirect_to(f"/admin/people/{id}", "They were not linked.")
    record_access(services, request, "identity_unbound", viewer.person.id, id)
    return redirect_to(f"/admin/people/{id}", "Unlinked. The next sign-in with their address links them again.")


def load_person(services: Services, id: UUID) -> Person:
    """Return a person as they are now. Raises NotFound."""
    return services.administration.load_aggregate(Person, id)


def render_form(
    request: Request,
    services: Services,
    viewer: Caller,
    person: Person | None,
    values: dict[str, Any],
    state: FormState,
    status: int = 200,
) -> Response:
    """Render the page of the form; the person is an existing one."""
    context = build_form_context(services, values, viewer.today, person.properties if person else None)
    invitation = load_invitation(services, person) if person else None
    return render_page(
        request,
        "admin/person.html",
        status,
        person=person,
        invitation=invitation,
        identity=services.identities.find_identity(person.id) if person else None,
        provider=services.settings.oidc_provider_name,
        **context,
        **vars(state),
    )


def redirect_after_change(services: Services, path: str, sentence: str, position: int | None) -> Response:
    """Redirect to a page with a message about what was done."""
    if position is not None:
        services.announce_append()
    return redirect_to(path, sentence, position)
