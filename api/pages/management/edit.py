"""Editing a managed link: what it touches in every host's link is said before it is saved."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.links import edit_comparison
from api.pages.links.change_summary import MANAGED_LINK_FIELDS, Wording, changes
from api.pages.links.edit import Preview, zone_of
from api.pages.links.edit_comparison import Conflict, properties_at
from api.pages.links.edit_impact import managed_link_touched
from api.pages.links.form import ManagedLinkForm, as_typed
from api.pages.links.form_choices import meeting_types_to_choose, people_to_choose, slug_check, with_suggestion
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import WrongForm, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from domain.managed_link import ManagedLink
from domain.refusals import Refusal, VersionConflict
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/management/managed", include_in_schema=False, route_class=PageRoute)


@router.get("/{id}/edit")
def edit(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Annotated[ManagedLinkForm, Query()]) -> Response:
    """The form, as the managed link is; or as it was typed, with what saving it would touch (manager)."""
    viewer.require("manager")
    managed = parts.publishing.get(ManagedLink, id)
    if form.version is None:
        return asked(request, parts, managed, form_of(managed, zone_of(viewer), form))
    preview = previewed(parts, viewer, managed, form)
    return asked(request, parts, managed, form, preview, preview.errors)


@router.post("/{id}/edit")
def save(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Annotated[ManagedLinkForm, Form()]) -> Response:
    """Saves the form, unless somebody changed the managed link since: then both edits are compared."""
    viewer.require("manager")
    managed = parts.publishing.get(ManagedLink, id)
    before = properties_at(parts, managed, form.version)
    try:
        wanted = form.changes(zone_of(viewer), before["expires_at"], managed.properties.expires_at).given()
        position = parts.publishing.update_managed_link(viewer.context, id, wanted, form.version)
    except VersionConflict:
        return compare(request, parts, viewer, parts.publishing.get(ManagedLink, id), form)
    except (WrongForm, Refusal) as error:
        errors = errors_of(error)
        return asked(request, parts, managed, form, Preview(errors=errors), errors, 422)
    if position is None:
        return go_on(f"/management/managed/{id}", "Nothing was changed.")
    parts.appended()
    return go_on(f"/management/managed/{id}", "Saved, in the links of all hosts at once.", position)


def form_of(managed: ManagedLink, zone: str, asked: ManagedLinkForm) -> ManagedLinkForm:
    """The form of a managed link as it is; what people and meeting types are searched for stays."""
    known = managed.properties
    return ManagedLinkForm(
        name=known.name,
        slug=known.slug,
        meeting_type_id=known.meeting_type_id,
        host_ids=list(known.host_ids),
        expires_at=as_typed(known.expires_at, zone),
        version=managed.version,
        who=asked.who,
        what=asked.what,
    )


def impacts_of(parts: Oncelink, viewer: Caller, managed: ManagedLink) -> dict[UUID, Impact]:
    """What depends on each host's link now, by host."""
    by_host = managed.properties.links
    found = links.impacts(parts.from_log(), list(by_host.values()), viewer.context.now)
    return {host: found[link] for host, link in by_host.items() if link in found}


def previewed(parts: Oncelink, viewer: Caller, managed: ManagedLink, form: ManagedLinkForm) -> Preview:
    """What saving a form would do."""
    zone = zone_of(viewer)
    expiries = properties_at(parts, managed, form.version)["expires_at"], managed.properties.expires_at
    try:
        wanted = form.changes(zone, *expiries).given()
    except WrongForm as error:
        return Preview(errors=error.errors)
    before, after = dict(managed.properties), dict(managed.properties.changed(wanted))
    wording = Wording.of(parts, zone, before, after)
    touched = managed_link_touched(before, after, impacts_of(parts, viewer, managed), wording, viewer.context.now)
    stale = form.version != managed.version
    return Preview(changes(MANAGED_LINK_FIELDS, before, after, wording), list(touched), {}, stale)


def asked(
    request: Request,
    parts: Oncelink,
    managed: ManagedLink,
    form: ManagedLinkForm,
    preview: Preview | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page with the form."""
    renamed = form.slug != managed.properties.slug
    return render(
        request,
        "management/edit.html",
        status,
        managed=managed,
        form=form,
        preview=preview or Preview(),
        errors=with_suggestion(parts, errors or {}, form.slug),
        types=meeting_types_to_choose(parts, form.what, form.meeting_type_id),
        people=people_to_choose(parts, form.who, form.host_ids),
        slug_check=slug_check(parts, form.slug, form.name, managed.id) if renamed else None,
    )


def compare(request: Request, parts: Oncelink, viewer: Caller, managed: ManagedLink, form: ManagedLinkForm) -> Response:
    """Theirs and mine, field by field; nothing to choose when both are the same."""
    zone = zone_of(viewer)
    before, theirs = properties_at(parts, managed, form.version), dict(managed.properties)
    wanted = form.changes(zone, before["expires_at"], theirs["expires_at"]).given()
    mine = dict(managed.properties.changed(wanted))
    comparison = Conflict(MANAGED_LINK_FIELDS, before, theirs, mine).comparison(parts, zone)
    path = f"/management/managed/{managed.id}"
    if not comparison.differences:
        return go_on(path, "Somebody has just saved the very same.")
    return edit_comparison.shown(request, parts, comparison, managed, form.version, path)
