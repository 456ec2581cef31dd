"""Editing a managed link: the form shows what saving would affect in every host's link."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.http.form_body import FormModel
from api.pages.links.change_summary import MANAGED_LINK_FIELDS, ValueFormatter
from api.pages.links.edit_impact import describe_managed_link_effects
from api.pages.links.editor import LinkEditor
from api.pages.links.form import ManagedLinkForm
from api.pages.links.form_choices import Choices, find_people_choices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from domain.managed_link import ManagedLink
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/management/managed", include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True)
class ManagedLinkEditor(LinkEditor[ManagedLink, ManagedLinkForm]):
    """Edits a managed link, and with it every host's link."""

    FIELDS = MANAGED_LINK_FIELDS
    FORM = ManagedLinkForm
    TEMPLATE = "management/edit.html"

    @property
    def path(self) -> str:
        """The path of the managed link's page."""
        return f"/management/managed/{self.link.id}"

    def list_own_values(self) -> dict[str, Any]:
        """Return the hosts."""
        return {"host_ids": list(self.link.properties.host_ids)}

    def find_people(self, form: ManagedLinkForm) -> Choices:
        """Return whom the form offers as hosts."""
        return find_people_choices(self.services, form.who, form.host_ids)

    def describe_effects(
        self, before: Mapping[str, Any], after: Mapping[str, Any], formatter: ValueFormatter
    ) -> Iterator[str]:
        """Yield a sentence for each effect of a change."""
        return describe_managed_link_effects(before, after, self.load_impacts(), formatter, self.viewer.context.now)

    def describe_saving(self) -> str:
        """Return the message after saving."""
        return "Saved, in the links of all hosts at once."

    def update(self, changes: Mapping[str, Any], version: int | None) -> int | None:
        """Change the managed link and every host's link."""
        return self.services.links.update_managed_link(self.viewer.context, self.link.id, changes, version)

    def load_impacts(self) -> dict[UUID, Impact]:
        """Return the counts of what depends on each host's link now, by the host's id."""
        link_by_host = self.link.properties.links
        ids = list(link_by_host.values())
        impacts = links.compute_impacts(self.services.from_log(), ids, self.viewer.context.now)
        return {host: impacts[link] for host, link in link_by_host.items() if link in impacts}


@router.get("/{id}/edit")
def show_edit_form(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Annotated[ManagedLinkForm, Query()]
) -> Response:
    """Show the form with the current values, or with the submitted ones and what saving would affect (manager)."""
    viewer.require_any_role("manager")
    return ManagedLinkEditor(request, services, viewer, services.links.load_aggregate(ManagedLink, id)).show(form)


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
    return ManagedLinkEditor(request, services, viewer, services.links.load_aggregate(ManagedLink, id)).save(form)
