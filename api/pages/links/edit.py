"""Editing a link: a form that says what it touches before it is saved, and compares when somebody was quicker."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.links import edit_comparison
from api.pages.links.change_summary import LINK_FIELDS, Change, Wording, changes
from api.pages.links.edit_comparison import Conflict, properties_at
from api.pages.links.edit_impact import link_touched, unused
from api.pages.links.form import LinkForm, as_typed
from api.pages.links.form_choices import meeting_types_to_choose, people_to_choose, slug_check, with_suggestion
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import WrongForm, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from domain.link import Link
from domain.permissions import require_link_edited, require_link_seen
from domain.refusals import NotFound, Refusal, VersionConflict
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

MANAGED = "This link belongs to a managed link: a manager changes it there, for all its hosts at once. You can copy it."


@dataclass(frozen=True)
class Preview:
    """What saving a form would change and touch, or why it cannot be saved yet."""

    changes: list[Change] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    stale: bool = False


@router.get("/{id}/edit")
def edit(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Annotated[LinkForm, Query()]) -> Response:
    """The form, as the link is; or as it was typed, with what saving it would touch."""
    link = parts.publishing.get(Link, id)
    if refusal := of_managed(request, viewer, link):
        return refusal
    require_link_edited(viewer.context, link)
    link.refuse_if_deleted()
    if form.version is None:
        return asked(request, parts, viewer, link, form_of(link, zone_of(viewer), form))
    preview = previewed(parts, viewer, link, form)
    return asked(request, parts, viewer, link, form, preview, preview.errors)


@router.post("/{id}/edit")
def save(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Annotated[LinkForm, Form()]) -> Response:
    """Saves the form, unless somebody changed the link since: then both edits are compared."""
    link = parts.publishing.get(Link, id)
    if refusal := of_managed(request, viewer, link):
        return refusal
    require_link_edited(viewer.context, link)
    number = impact_of(parts, viewer, link)["active_single_use"]
    try:
        wanted = form.changes(zone_of(viewer), *expiries(parts, link, form)).given()
        position = parts.publishing.update_link(viewer.context, id, wanted, form.version)
    except VersionConflict:
        return compare(request, parts, viewer, parts.publishing.get(Link, id), form)
    except (WrongForm, Refusal) as error:
        return asked(request, parts, viewer, link, form, Preview(errors=errors_of(error)), errors_of(error), 422)
    if position is None:
        return go_on(f"/links/{id}", "Nothing was changed.")
    parts.appended()
    follow = f" {unused(number)} {'follows' if number == 1 else 'follow'} it." if number else ""
    return go_on(f"/links/{id}", f"Saved.{follow}", position)


def of_managed(request: Request, viewer: Caller, link: Link) -> Response | None:
    """For a link of a managed link: on to where managers change it; for others, why they cannot."""
    require_link_seen(viewer.context, link)
    if link.properties.kind == "standard":
        return None
    if "manager" in viewer.context.roles:
        return go_on(f"/management/managed/{link.properties.managed_link_id}/edit")
    return render(request, "errors/refusal.html", 403, title="Managers change this link", sentence=MANAGED)


def zone_of(viewer: Caller) -> str:
    """The zone in which somebody types times."""
    return viewer.person.properties.time_zone


def form_of(link: Link, zone: str, asked: LinkForm) -> LinkForm:
    """The form of a link as it is; what people and meeting types are searched for stays."""
    known = link.properties
    return LinkForm(
        name=known.name,
        slug=known.slug,
        meeting_type_id=known.meeting_type_id,
        co_host_ids=list(known.co_host_ids),
        expires_at=as_typed(known.expires_at, zone),
        in_library=known.in_library,
        version=link.version,
        who=asked.who,
        what=asked.what,
    )


def expiries(parts: Oncelink, link: Link, form: LinkForm) -> tuple[Any, Any]:
    """The expiry that the form began with, and that of now."""
    return properties_at(parts, link, form.version)["expires_at"], link.properties.expires_at


def impact_of(parts: Oncelink, viewer: Caller, link: Link) -> Impact:
    """What depends on a link now. Raises NotFound."""
    found = links.impact(parts.from_log(), link.id, viewer.context.now)
    if found is None:
        raise NotFound
    return found


def previewed(parts: Oncelink, viewer: Caller, link: Link, form: LinkForm) -> Preview:
    """What saving a form would do."""
    zone = zone_of(viewer)
    try:
        wanted = form.changes(zone, *expiries(parts, link, form)).given()
    except WrongForm as error:
        return Preview(errors=error.errors)
    before, after = dict(link.properties), dict(link.properties.changed(wanted))
    wording = Wording.of(parts, zone, before, after)
    touched = link_touched(before, after, impact_of(parts, viewer, link), wording, viewer.context.now)
    return Preview(changes(LINK_FIELDS, before, after, wording), list(touched), {}, form.version != link.version)


def asked(
    request: Request,
    parts: Oncelink,
    viewer: Caller,
    link: Link,
    form: LinkForm,
    preview: Preview | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page with the form."""
    return render(
        request,
        "links/edit.html",
        status,
        link=link,
        form=form,
        preview=preview or Preview(),
        errors=with_suggestion(parts, errors or {}, form.slug),
        types=meeting_types_to_choose(parts, form.what, form.meeting_type_id),
        people=people_to_choose(parts, form.who, form.co_host_ids, [link.properties.owner_id]),
        slug_check=slug_check(parts, form.slug, form.name, link.id) if form.slug != link.properties.slug else None,
        impact=impact_of(parts, viewer, link),
    )


def compare(request: Request, parts: Oncelink, viewer: Caller, link: Link, form: LinkForm) -> Response:
    """Theirs and mine, field by field; nothing to choose when both are the same."""
    zone = zone_of(viewer)
    before, theirs = properties_at(parts, link, form.version), dict(link.properties)
    wanted = form.changes(zone, before["expires_at"], theirs["expires_at"]).given()
    mine = dict(link.properties.changed(wanted))
    comparison = Conflict(LINK_FIELDS, before, theirs, mine).comparison(parts, zone)
    if not comparison.differences:
        return go_on(f"/links/{link.id}", "Somebody has just saved the very same.")
    return edit_comparison.shown(request, parts, comparison, link, form.version, f"/links/{link.id}")
