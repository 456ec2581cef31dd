"""Editing a managed link: the form shows what saving would affect in every host's link."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormModel
from api.pages.links import edit_comparison
from api.pages.links.change_summary import MANAGED_LINK_FIELDS, ValueFormatter, list_changes
from api.pages.links.edit import EditPreview, get_zone
from api.pages.links.edit_comparison import EditConflict, load_properties_at
from api.pages.links.edit_impact import describe_managed_link_effects
from api.pages.links.form import ManagedLinkForm, format_local_time
from api.pages.links.form_choices import add_suggestion, check_slug, find_meeting_type_choices, find_people_choices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.managed_link import ManagedLink
from domain.refusals import Refusal, VersionConflict
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/management/managed", include_in_schema=False, route_class=PageRoute)


@router.get("/{id}/edit")
def show_edit_form(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Annotated[ManagedLinkForm, Query()]
) -> Response:
    """Show the form with the current values, or with the submitted ones and what saving would affect (manager)."""
    viewer.require_any_role("manager")
    managed_link = services.links.load_aggregate(ManagedLink, id)
    if form.version is None:
        return render_edit_form(request, services, managed_link, build_form(managed_link, get_zone(viewer), form))
    preview = build_preview(services, viewer, managed_link, form)
    return render_edit_form(request, services, managed_link, form, preview, preview.errors)


@router.post("/{id}/edit")
def save_managed_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Annotated[ManagedLinkForm, Depends(FormModel(ManagedLinkForm))],
) -> Response:
    """Save the form; show a comparison if somebody else changed the managed link since (manager)."""
    viewer.require_any_role("manager")
    managed_link = services.links.load_aggregate(ManagedLink, id)
    before = load_properties_at(services, managed_link, form.version)
    try:
        requested_changes = form.to_changes(
            get_zone(viewer), before["expires_at"], managed_link.properties.expires_at
        ).get_sent_fields()
        position = services.links.update_managed_link(viewer.context, id, requested_changes, form.version)
    except VersionConflict:
        return render_comparison(request, services, viewer, services.links.load_aggregate(ManagedLink, id), form)
    except (InvalidForm, Refusal) as error:
        errors = collect_field_errors(error)
        return render_edit_form(request, services, managed_link, form, EditPreview(errors=errors), errors, 422)
    if position is None:
        return redirect_to(f"/management/managed/{id}", "Nothing was changed.")
    services.announce_append()
    return redirect_to(f"/management/managed/{id}", "Saved, in the links of all hosts at once.", position)


def build_form(managed_link: ManagedLink, zone: str, query: ManagedLinkForm) -> ManagedLinkForm:
    """Build the form with the managed link's current values; its two searches are kept."""
    properties = managed_link.properties
    return ManagedLinkForm(
        name=properties.name,
        slug=properties.slug,
        meeting_type_id=properties.meeting_type_id,
        host_ids=list(properties.host_ids),
        expires_at=format_local_time(properties.expires_at, zone),
        version=managed_link.version,
        who=query.who,
        what=query.what,
    )


def load_impacts(services: Services, viewer: Caller, managed_link: ManagedLink) -> dict[UUID, Impact]:
    """Return the counts of what depends on each host's link now, by the host's id."""
    link_by_host = managed_link.properties.links
    impacts = links.compute_impacts(services.from_log(), list(link_by_host.values()), viewer.context.now)
    return {host: impacts[link] for host, link in link_by_host.items() if link in impacts}


def build_preview(services: Services, viewer: Caller, managed_link: ManagedLink, form: ManagedLinkForm) -> EditPreview:
    """Build the preview of saving a form."""
    zone = get_zone(viewer)
    expiries = (
        load_properties_at(services, managed_link, form.version)["expires_at"],
        managed_link.properties.expires_at,
    )
    try:
        requested_changes = form.to_changes(zone, *expiries).get_sent_fields()
    except InvalidForm as error:
        return EditPreview(errors=error.errors)
    before, after = dict(managed_link.properties), dict(managed_link.properties.apply_changes(requested_changes))
    formatter = ValueFormatter.from_properties(services, zone, before, after)
    effects = describe_managed_link_effects(
        before, after, load_impacts(services, viewer, managed_link), formatter, viewer.context.now
    )
    stale = form.version != managed_link.version
    return EditPreview(list_changes(MANAGED_LINK_FIELDS, before, after, formatter), list(effects), {}, stale)


def render_edit_form(
    request: Request,
    services: Services,
    managed_link: ManagedLink,
    form: ManagedLinkForm,
    preview: EditPreview | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Render the page with the form."""
    slug_changed = form.slug != managed_link.properties.slug
    return render_page(
        request,
        "management/edit.html",
        status,
        managed=managed_link,
        form=form,
        preview=preview or EditPreview(),
        errors=add_suggestion(services, errors or {}, form.slug),
        types=find_meeting_type_choices(services, form.what, form.meeting_type_id),
        people=find_people_choices(services, form.who, form.host_ids),
        slug_check=check_slug(services, form.slug, form.name, managed_link.id) if slug_changed else None,
    )


def render_comparison(
    request: Request, services: Services, viewer: Caller, managed_link: ManagedLink, form: ManagedLinkForm
) -> Response:
    """Render the comparison of both edits; redirect to the managed link if they are the same."""
    zone = get_zone(viewer)
    before, theirs = load_properties_at(services, managed_link, form.version), dict(managed_link.properties)
    requested_changes = form.to_changes(zone, before["expires_at"], theirs["expires_at"]).get_sent_fields()
    mine = dict(managed_link.properties.apply_changes(requested_changes))
    comparison = EditConflict(MANAGED_LINK_FIELDS, before, theirs, mine).compare_edits(services, zone)
    path = f"/management/managed/{managed_link.id}"
    if not comparison.differences:
        return redirect_to(path, "Somebody has just saved the very same.")
    return edit_comparison.render_conflict_page(request, services, comparison, managed_link, form.version, path)
