"""The page of the organisation: its name, contact and policies."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from api.field_types import list_time_zones
from api.http.dependencies import CurrentServices, get_services
from api.http.form_body import FormModel
from api.pages.admin.days_off_form import parse_number
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.form_submission import FormState, submit_edit
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.organisation.models import OrganisationChanges
from domain.durations import subtract_months
from domain.organisation import OrganisationProperties
from projections import retention
from projections.retention import OverdueDetails

router = APIRouter(prefix="/admin/organisation", include_in_schema=False, route_class=PageRoute)

PATH = "/admin/organisation"


class OrganisationForm(BaseModel):
    """The form as typed, with the version that it was made on."""

    name: str = ""
    time_zone: str = ""
    default_locale: str = ""
    support_contact: str = ""
    privacy_url: str = ""
    imprint_url: str = ""
    replacement: str = ""
    calendar_changes: str = ""
    retention_months: str = ""
    version: str = ""

    @classmethod
    def from_properties(cls, properties: OrganisationProperties) -> "OrganisationForm":
        """Create the form of the organisation as it is."""
        return cls(**{name: "" if value is None else str(value) for name, value in dict(properties).items()})

    def to_values(self) -> dict[str, Any]:
        """Return the fields as the JSON API takes them: None for empty ones that may be cleared."""
        values: dict[str, Any] = {name: text.strip() for name, text in self.model_dump(exclude={"version"}).items()}
        cleared = {name: values[name] or None for name in OrganisationChanges.CLEARABLE}
        return values | cleared | {"retention_months": parse_number(self.retention_months)}


FormBody = Annotated[OrganisationForm, Depends(FormModel(OrganisationForm))]


@router.get("", dependencies=[WaitsForPosition])
def show_form(
    request: Request, services: CurrentServices, viewer: Viewer, query: Annotated[OrganisationForm, Query()]
) -> Response:
    """Show the organisation as it is; or, for a form in the query, what saving would erase (admin)."""
    viewer.require_any_role("admin")
    organisation = services.organisation.load_organisation()
    form = query if query.version else OrganisationForm.from_properties(organisation.properties)
    return render_form(request, form, FormState(version=query.version or organisation.version))


@router.post("")
def update_organisation(request: Request, services: CurrentServices, viewer: Viewer, form: FormBody) -> Response:
    """Change the organisation, unless somebody else changed it since the form was loaded (admin)."""
    viewer.require_any_role("admin")
    values = form.to_values()

    def update(version: int | None) -> int | None:
        changes = validate_form(OrganisationChanges, values).get_sent_fields()
        return services.organisation.update_organisation(viewer.context, changes, version)

    return submit_edit(
        services,
        form.version,
        values,
        update,
        services.organisation.load_organisation,
        lambda state, status: render_form(request, form, state, status),
        lambda position: redirect_to(PATH, "Saved." if position else "Nothing was changed.", position),
    )


def render_form(request: Request, form: OrganisationForm, state: FormState, status: int = 200) -> Response:
    """Render the page of the form."""
    return render_page(
        request,
        "admin/organisation.html",
        status,
        form=form,
        zones=sorted(list_time_zones()),
        overdue=count_overdue_details(request, form),
        **vars(state),
    )


def count_overdue_details(request: Request, form: OrganisationForm) -> OverdueDetails | None:
    """Count what the form's retention would erase now, as lists have it; None where it erases nothing."""
    services = get_services(request)
    try:
        months = validate_form(OrganisationChanges, {"retention_months": parse_number(form.retention_months)})
    except InvalidForm:
        return None
    if months.retention_months is None:
        return None
    until = subtract_months(services.clock(), months.retention_months)
    return retention.count_overdue_details(services.live_source, until)
