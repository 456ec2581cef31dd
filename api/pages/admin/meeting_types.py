"""Administration of meeting types: the templates of meetings that links book."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from api.http.dependencies import VISIBLE_ASCII, CurrentServices, Id, describe_request
from api.http.form_body import FormModel
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.edit_conflicts import find_differences
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import PageCursor, RowNumber, SearchQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.request_bodies import MeetingTypeChanges, NewMeetingType
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.refusals import Refusal, VersionConflict
from projections import meeting_types

router = APIRouter(prefix="/admin/meeting-types", include_in_schema=False, route_class=PageRoute)

TEXT_FIELDS = ("name", "description", "location")


class MeetingTypeForm(BaseModel):
    """The form of a meeting type as typed, with the version it was made on, or the key of a new one."""

    name: str = ""
    description: str = ""
    location: str = ""
    duration_minutes: str = "30"
    slot_step_minutes: str = ""
    buffer_before_minutes: str = "0"
    buffer_after_minutes: str = "0"
    minimum_notice_minutes: str = "0"
    booking_window_days: str = "60"
    version: str = ""
    key: str = ""

    @classmethod
    def from_properties(cls, properties: MeetingTypeProperties, version: int) -> "MeetingTypeForm":
        """Create the form of a meeting type as it is."""
        values = {name: "" if value is None else str(value) for name, value in dict(properties).items()}
        return cls(**values, version=str(version))

    def to_values(self) -> dict[str, Any]:
        """Return the fields as the JSON API takes them: numbers where possible, None for empty ones."""
        fields = self.model_dump(exclude={"version", "key"})
        return {
            name: value.strip() if name in TEXT_FIELDS else parse_number(value) for name, value in fields.items()
        } | {name: fields[name].strip() or None for name in ("description", "location")}


FormBody = Annotated[MeetingTypeForm, Depends(FormModel(MeetingTypeForm))]


@router.get("", dependencies=[WaitsForPosition])
def list_meeting_types(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    q: SearchQuery = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show all meeting types, by name (admin)."""
    viewer.require_any_role("admin")
    page = meeting_types.list_meeting_types(services.live_source, q, "name", cursor=cursor)
    return render_page(request, "admin/meeting_types.html", page=page, q=q, row=row)


@router.get("/new")
def show_new_form(request: Request, viewer: Viewer) -> Response:
    """Show an empty form (admin)."""
    viewer.require_any_role("admin")
    form = MeetingTypeForm(key=secrets.token_urlsafe(18))
    return render_page(request, "admin/meeting_type.html", form=form, id=None, errors={}, theirs=[])


@router.post("/new")
def create_meeting_type(request: Request, services: CurrentServices, viewer: Viewer, form: FormBody) -> Response:
    """Create a meeting type, only once however often the form is sent (admin)."""
    viewer.require_any_role("admin")
    try:
        body = validate_form(NewMeetingType, form.to_values())
        key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
        result = services.administration.create_meeting_type(
            viewer.context, MeetingTypeProperties(**dict(body)), key, describe_request(body, route="meeting-types")
        )
    except (InvalidForm, Refusal) as error:
        errors = collect_field_errors(error)
        return render_page(request, "admin/meeting_type.html", 422, form=form, id=None, errors=errors, theirs=[])
    services.announce_append()
    return redirect_to("/admin/meeting-types", f"Created {body.name}.", result.position)


@router.get("/{id}")
def show_edit_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form of a meeting type as it is (admin)."""
    viewer.require_any_role("admin")
    meeting_type = services.administration.load_aggregate(MeetingType, id)
    form = MeetingTypeForm.from_properties(meeting_type.properties, meeting_type.version)
    return render_page(request, "admin/meeting_type.html", form=form, id=id, errors={}, theirs=[])


@router.post("/{id}")
def update_meeting_type(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: FormBody
) -> Response:
    """Change a meeting type, unless somebody else changed it since the form was loaded (admin)."""
    viewer.require_any_role("admin")
    try:
        changes = validate_form(MeetingTypeChanges, form.to_values()).get_sent_fields()
        version = int(form.version) if form.version.isdecimal() else None
        position = services.administration.update_meeting_type(viewer.context, id, changes, version)
    except VersionConflict:
        meeting_type = services.administration.load_aggregate(MeetingType, id)
        theirs = find_differences(dict(meeting_type.properties), form.to_values())
        fresh_form = form.model_copy(update={"version": str(meeting_type.version)})
        context = {"form": fresh_form, "id": id, "errors": {}, "theirs": theirs}
        return render_page(request, "admin/meeting_type.html", 412, **context)
    except (InvalidForm, Refusal) as error:
        context = {"form": form, "id": id, "errors": collect_field_errors(error), "theirs": []}
        return render_page(request, "admin/meeting_type.html", 422, **context)
    if position is not None:
        services.announce_append()
    sentence = f"Saved {form.name}. Links of it follow at once." if position else "Nothing was changed."
    return redirect_to("/admin/meeting-types", sentence, position)


def parse_number(text: str) -> Any:
    """Return a whole number; None for an empty text; any other text as it is, for the validation to refuse."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None
