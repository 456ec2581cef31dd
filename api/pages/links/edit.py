"""Editing a link: the form shows what saving would affect, and both edits are compared after a version conflict."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormModel
from api.pages.links import edit_comparison
from api.pages.links.change_summary import LINK_FIELDS, Change, ValueFormatter, list_changes
from api.pages.links.edit_comparison import EditConflict, load_properties_at
from api.pages.links.edit_impact import describe_link_effects, format_unused_links
from api.pages.links.form import LinkForm, format_local_time
from api.pages.links.form_choices import add_suggestion, check_slug, find_meeting_type_choices, find_people_choices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.link import Link
from domain.permissions import require_link_editable, require_link_visible
from domain.refusals import NotFound, Refusal, VersionConflict
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

MANAGED_LINK_MESSAGE = (
    "This link belongs to a managed link: a manager changes it there, for all its hosts at once. You can copy it."
)


@dataclass(frozen=True)
class EditPreview:
    """What saving a form would change and affect, or why it cannot be saved yet."""

    changes: list[Change] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    stale: bool = False


@router.get("/{id}/edit")
def show_edit_form(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Annotated[LinkForm, Query()]
) -> Response:
    """Show the form with the link's current values, or with the submitted ones and what saving would affect."""
    link = services.links.load_aggregate(Link, id)
    if refusal := respond_if_managed(request, viewer, link):
        return refusal
    require_link_editable(viewer.context, link)
    link.refuse_if_deleted()
    if form.version is None:
        return render_edit_form(request, services, viewer, link, build_form(link, get_zone(viewer), form))
    preview = build_preview(services, viewer, link, form)
    return render_edit_form(request, services, viewer, link, form, preview, preview.errors)


@router.post("/{id}/edit")
def save_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Annotated[LinkForm, Depends(FormModel(LinkForm))],
) -> Response:
    """Save the form; show a comparison if somebody else changed the link since."""
    link = services.links.load_aggregate(Link, id)
    if refusal := respond_if_managed(request, viewer, link):
        return refusal
    require_link_editable(viewer.context, link)
    active_count = load_impact(services, viewer, link)["active_single_use"]
    try:
        requested_changes = form.to_changes(get_zone(viewer), *find_expiries(services, link, form)).get_sent_fields()
        position = services.links.update_link(viewer.context, id, requested_changes, form.version)
    except VersionConflict:
        return render_comparison(request, services, viewer, services.links.load_aggregate(Link, id), form)
    except (InvalidForm, Refusal) as error:
        return render_edit_form(
            request,
            services,
            viewer,
            link,
            form,
            EditPreview(errors=collect_field_errors(error)),
            collect_field_errors(error),
            422,
        )
    if position is None:
        return redirect_to(f"/links/{id}", "Nothing was changed.")
    services.announce_append()
    note = (
        f" {format_unused_links(active_count)} {'follows' if active_count == 1 else 'follow'} it."
        if active_count
        else ""
    )
    return redirect_to(f"/links/{id}", f"Saved.{note}", position)


def respond_if_managed(request: Request, viewer: Caller, link: Link) -> Response | None:
    """Redirect managers from a link of a managed link to its edit page; refuse others. None for a standard link."""
    require_link_visible(viewer.context, link)
    if link.properties.kind == "standard":
        return None
    if "manager" in viewer.context.roles:
        return redirect_to(f"/management/managed/{link.properties.managed_link_id}/edit")
    return render_page(
        request, "errors/refusal.html", 403, title="Managers change this link", sentence=MANAGED_LINK_MESSAGE
    )


def get_zone(viewer: Caller) -> str:
    """Return the viewer's time zone."""
    return viewer.person.properties.time_zone


def build_form(link: Link, zone: str, query: LinkForm) -> LinkForm:
    """Build the form with the link's current values; its two searches are kept."""
    properties = link.properties
    return LinkForm(
        name=properties.name,
        slug=properties.slug,
        meeting_type_id=properties.meeting_type_id,
        co_host_ids=list(properties.co_host_ids),
        expires_at=format_local_time(properties.expires_at, zone),
        in_library=properties.in_library,
        version=link.version,
        who=query.who,
        what=query.what,
    )


def find_expiries(services: Services, link: Link, form: LinkForm) -> tuple[Any, Any]:
    """Return the expiry at the version that the form was made on, and the current one."""
    return load_properties_at(services, link, form.version)["expires_at"], link.properties.expires_at


def load_impact(services: Services, viewer: Caller, link: Link) -> Impact:
    """Return the counts of what depends on a link now. Raises NotFound."""
    impact = links.compute_impact(services.from_log(), link.id, viewer.context.now)
    if impact is None:
        raise NotFound
    return impact


def build_preview(services: Services, viewer: Caller, link: Link, form: LinkForm) -> EditPreview:
    """Build the preview of saving a form."""
    zone = get_zone(viewer)
    try:
        requested_changes = form.to_changes(zone, *find_expiries(services, link, form)).get_sent_fields()
    except InvalidForm as error:
        return EditPreview(errors=error.errors)
    before, after = dict(link.properties), dict(link.properties.apply_changes(requested_changes))
    formatter = ValueFormatter.from_properties(services, zone, before, after)
    effects = describe_link_effects(before, after, load_impact(services, viewer, link), formatter, viewer.context.now)
    return EditPreview(
        list_changes(LINK_FIELDS, before, after, formatter), list(effects), {}, form.version != link.version
    )


def render_edit_form(
    request: Request,
    services: Services,
    viewer: Caller,
    link: Link,
    form: LinkForm,
    preview: EditPreview | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Render the page with the form."""
    return render_page(
        request,
        "links/edit.html",
        status,
        link=link,
        form=form,
        preview=preview or EditPreview(),
        errors=add_suggestion(services, errors or {}, form.slug),
        types=find_meeting_type_choices(services, form.what, form.meeting_type_id),
        people=find_people_choices(services, form.who, form.co_host_ids, [link.properties.owner_id]),
        slug_check=check_slug(services, form.slug, form.name, link.id) if form.slug != link.properties.slug else None,
        impact=load_impact(services, viewer, link),
    )


def render_comparison(request: Request, services: Services, viewer: Caller, link: Link, form: LinkForm) -> Response:
    """Render the comparison of both edits; redirect to the link if they are the same."""
    zone = get_zone(viewer)
    before, theirs = load_properties_at(services, link, form.version), dict(link.properties)
    requested_changes = form.to_changes(zone, before["expires_at"], theirs["expires_at"]).get_sent_fields()
    mine = dict(link.properties.apply_changes(requested_changes))
    comparison = EditConflict(LINK_FIELDS, before, theirs, mine).compare_edits(services, zone)
    if not comparison.differences:
        return redirect_to(f"/links/{link.id}", "Somebody has just saved the very same.")
    return edit_comparison.render_conflict_page(request, services, comparison, link, form.version, f"/links/{link.id}")
