"""Editing a link: the form shows what saving would affect, and both edits are compared after a version conflict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormModel
from api.pages.links.change_summary import LINK_FIELDS, ValueFormatter
from api.pages.links.edit_impact import describe_link_effects, format_unused_links
from api.pages.links.editor import LinkEditor
from api.pages.links.form import LinkForm
from api.pages.links.form_choices import Choices, find_people_choices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from domain.link import Link
from domain.permissions import require_link_editable, require_link_visible
from domain.refusals import NotFound
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

MANAGED_LINK_MESSAGE = (
    "This link belongs to a managed link: a manager changes it there, for all its hosts at once. You can copy it."
)


@dataclass(frozen=True)
class StandardLinkEditor(LinkEditor[Link, LinkForm]):
    """Edits a standard link."""

    FIELDS = LINK_FIELDS
    FORM = LinkForm
    TEMPLATE = "links/edit.html"

    @property
    def path(self) -> str:
        """The path of the link's page."""
        return f"/links/{self.link.id}"

    def list_own_values(self) -> dict[str, Any]:
        """Return co-hosts, and whether it is in the library."""
        properties = self.link.properties
        return {"co_host_ids": list(properties.co_host_ids), "in_library": properties.in_library}

    def find_people(self, form: LinkForm) -> Choices:
        """Return whom the form offers as co-hosts."""
        return find_people_choices(self.services, form.who, form.co_host_ids, [self.link.properties.owner_id])

    def describe_effects(
        self, before: Mapping[str, Any], after: Mapping[str, Any], formatter: ValueFormatter
    ) -> Iterator[str]:
        """Yield a sentence for each effect of a change."""
        return describe_link_effects(before, after, self.load_impact(), formatter, self.viewer.context.now)

    def describe_saving(self) -> str:
        """Return the message after saving, which counts the unused single-use links."""
        count = self.load_impact()["active_single_use"]
        return f"Saved. {format_unused_links(count)} {'follows' if count == 1 else 'follow'} it." if count else "Saved."

    def update(self, changes: Mapping[str, Any], version: int | None) -> int | None:
        """Change the link."""
        return self.services.links.update_link(self.viewer.context, self.link.id, changes, version)

    def build_context(self) -> dict[str, Any]:
        """Return what depends on the link now."""
        return {"impact": self.load_impact()}

    def load_impact(self) -> Impact:
        """Return the counts of what depends on the link now. Raises NotFound."""
        impact = links.compute_impact(self.services.from_log(), self.link.id, self.viewer.context.now)
        if impact is None:
            raise NotFound
        return impact


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
    return StandardLinkEditor(request, services, viewer, link).show(form)


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
    return StandardLinkEditor(request, services, viewer, link).save(form)


def respond_if_managed(request: Request, viewer: Caller, link: Link) -> Response | None:
    """Redirect managers from a link of a managed link to its edit page; refuse others. None for a standard link."""
    require_link_visible(viewer.context, link)
    if link.properties.kind == "standard":
        return None
    if "manager" in viewer.context.roles:
        return redirect_to(f"/management/managed/{link.properties.managed_link_id}/edit")
    return render_page(
        request, "errors/refusal.html", 403, title="Managers change this link", sentence=MANAGED_LINK_MESSAGE, fields=[]
    )
