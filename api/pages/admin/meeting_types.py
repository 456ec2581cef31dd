"""Administration of meeting types: the templates of meetings that links book."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id, describe_request
from api.http.form_body import FormModel, FormText
from api.pages.admin.days_off_form import parse_number
from api.pages.admin.mail_previews import build_previews
from api.pages.admin.questions_form import KIND_NAMES, QuestionRows, change_rows, validate_questions
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.form_keys import generate_form_key
from api.pages.rendering.form_submission import FormState, submit_edit, submit_new
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.meeting_types.bodies import MeetingTypeChanges, NewMeetingType
from domain.log import CommandResult
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.text_direction import isolate_text
from projections import meeting_types

router = APIRouter(prefix="/admin/meeting-types", include_in_schema=False, route_class=PageRoute)

TEXT_FIELDS = ("name", "description", "location")
REMINDER_CHOICES = (10, 30, 60, 120, 1_440, 2_880, 10_080)  # minutes before the start
FOLLOW_UP_CHOICES = (0, 60, 1_440, 2_880, 10_080)  # minutes after the end
NEW_FORM = {"reminders_minutes": ["1440", "60"]}


class MeetingTypeForm(QuestionRows):
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
    reminders_minutes: list[str] = []  # noqa: RUF012
    after_minutes: str = "60"
    message: str = ""
    per_day: str = ""
    per_week: str = ""
    version: str = ""
    key: str = ""

    @classmethod
    def from_properties(cls, properties: MeetingTypeProperties) -> "MeetingTypeForm":
        """Create the form of a meeting type as it is."""
        values: dict[str, Any] = {name: "" if value is None else str(value) for name, value in dict(properties).items()}
        values["reminders_minutes"] = [str(minutes) for minutes in properties.reminders_minutes]
        if properties.follow_up:
            values |= {name: str(value) for name, value in dict(properties.follow_up).items()}
        values |= QuestionRows.from_questions(properties.questions)
        limits = dict(properties.limits).items()
        return cls(**values, **{name: str(most or "") for name, most in limits})

    @property
    def reminder_choices(self) -> list[int]:
        """Return the reminders to choose from, in minutes, the latest one first."""
        chosen = {int(minutes) for minutes in self.reminders_minutes if minutes.isdecimal() and len(minutes) < 6}
        return sorted(chosen.union(REMINDER_CHOICES))

    def to_values(self) -> dict[str, Any]:
        """Return the fields as the JSON API takes them: numbers where possible, None for empty ones."""
        fields = self.model_dump(
            exclude={"version", "key", "reminders_minutes", "after_minutes", "message", "per_day", "per_week"}
            | set(QuestionRows.model_fields)
        )
        message = self.message.replace("\r\n", "\n").strip()
        return (
            {name: value.strip() if name in TEXT_FIELDS else parse_number(value) for name, value in fields.items()}
            | {name: fields[name].strip() or None for name in ("description", "location")}
            | {"questions": self.to_questions()}
            | {"limits": {"per_day": parse_number(self.per_day), "per_week": parse_number(self.per_week)}}
            | {
                "reminders_minutes": [parse_number(value) for value in self.reminders_minutes],
                "follow_up": {"after_minutes": parse_number(self.after_minutes), "message": message}
                if message
                else None,
            }
        )


FormBody = Annotated[MeetingTypeForm, Depends(FormModel(MeetingTypeForm))]
QuestionChange = Annotated[str, Depends(FormText("change"))]
M = TypeVar("M", NewMeetingType, MeetingTypeChanges)


@router.get("", dependencies=[WaitsForPosition])
def list_meeting_types(request: Request, services: CurrentServices, viewer: Viewer, query: ListQuery) -> Response:
    """Show all meeting types, by name (admin)."""
    viewer.require_any_role("admin")
    page = meeting_types.list_meeting_types(services.live_source, query.q, "name", cursor=query.cursor)
    return render_page(request, "admin/meeting_types.html", page=page, q=query.q, row=query.row)


@router.get("/new")
def show_new_form(request: Request, viewer: Viewer) -> Response:
    """Show an empty form (admin)."""
    viewer.require_any_role("admin")
    return render_form(request, None, MeetingTypeForm(**NEW_FORM), FormState(key=generate_form_key()))


@router.post("/new")
def create_meeting_type(request: Request, services: CurrentServices, viewer: Viewer, form: FormBody) -> Response:
    """Create a meeting type, only once however often the form is sent (admin)."""
    viewer.require_any_role("admin")

    def create(key: str | None) -> CommandResult:
        body = validate_values(NewMeetingType, form.to_values())
        request_body = describe_request(body, route="meeting-types")
        return services.administration.create_meeting_type(viewer.context, body.to_properties(), key, request_body)

    return submit_new(
        services,
        viewer.context,
        form.key,
        create,
        lambda state, status: render_form(request, None, form, state, status),
        lambda result: redirect_to(
            "/admin/meeting-types", f"Created {isolate_text(form.name.strip())}.", result.position
        ),
    )


@router.post("/new/questions")
def change_new_questions(request: Request, viewer: Viewer, form: FormBody, change: QuestionChange) -> Response:
    """Show a new form as typed with a question added, removed or moved; nothing is saved (admin)."""
    return render_changed_questions(request, viewer, None, form, change)


@router.post("/{id}/questions")
def change_questions(request: Request, viewer: Viewer, id: Id, form: FormBody, change: QuestionChange) -> Response:
    """Show a form as typed with a question added, removed or moved; nothing is saved (admin)."""
    return render_changed_questions(request, viewer, id, form, change)


@router.post("/new/preview")
def show_new_previews(request: Request, viewer: Viewer, form: FormBody) -> Response:
    """Show what would be mailed by a new form as typed; nothing is saved (admin)."""
    return render_previews(request, viewer, None, form)


@router.post("/{id}/preview")
def show_previews(request: Request, viewer: Viewer, id: Id, form: FormBody) -> Response:
    """Show what would be mailed by a form as typed; nothing is saved (admin)."""
    return render_previews(request, viewer, id, form)


@router.get("/{id}")
def show_edit_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form of a meeting type as it is (admin)."""
    viewer.require_any_role("admin")
    meeting_type = services.administration.load_aggregate(MeetingType, id)
    form = MeetingTypeForm.from_properties(meeting_type.properties)
    properties = meeting_type.properties
    never_offered = properties.explain_never_offered() if properties.is_never_offered else None
    return render_form(request, id, form, FormState(version=meeting_type.version), never_offered=never_offered)


@router.post("/{id}")
def update_meeting_type(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: FormBody
) -> Response:
    """Change a meeting type, unless somebody else changed it since the form was loaded (admin)."""
    viewer.require_any_role("admin")
    values = form.to_values()

    def update(version: int | None) -> int | None:
        changes = validate_values(MeetingTypeChanges, values).get_sent_fields()
        return services.administration.update_meeting_type(viewer.context, id, changes, version)

    def redirect(position: int | None) -> Response:
        sentence = (
            f"Saved {isolate_text(form.name)}. Links of it follow at once." if position else "Nothing was changed."
        )
        return redirect_to("/admin/meeting-types", sentence, position)

    return submit_edit(
        services,
        form.version,
        values,
        update,
        lambda: services.administration.load_aggregate(MeetingType, id),
        lambda state, status: render_form(request, id, form, state, status),
        redirect,
    )


def validate_values(model: type[M], values: Mapping[str, Any]) -> M:
    """Validate a form, its questions first, so that an error names their row. Raises InvalidForm."""
    validate_questions(values["questions"])
    return validate_form(model, values)


def render_changed_questions(
    request: Request, viewer: Caller, id: UUID | None, form: MeetingTypeForm, change: str
) -> Response:
    """Render the form as typed after a press of a button at its questions."""
    viewer.require_any_role("admin")
    rows = QuestionRows.to_columns(change_rows(form.questions, change))
    return render_form(request, id, form.model_copy(update=rows), FormState(key=form.key, version=form.version))


def render_previews(request: Request, viewer: Caller, id: UUID | None, form: MeetingTypeForm) -> Response:
    """Render the form as typed with the mails that it says, or with its errors."""
    viewer.require_any_role("admin")
    state = FormState(key=form.key, version=form.version)
    try:
        properties = validate_values(NewMeetingType, form.to_values()).to_properties()
    except InvalidForm as error:
        return render_form(request, id, form, replace(state, errors=error.errors), 422)
    previews = build_previews(properties, viewer.person.properties, viewer.context.now)
    return render_form(request, id, form, state, previews=previews)


def render_form(
    request: Request,
    id: UUID | None,
    form: MeetingTypeForm,
    state: FormState,
    status: int = 200,
    never_offered: str | None = None,
    previews: Sequence[str] | None = None,
) -> Response:
    """Render the page of the form; the id is that of an existing meeting type, `never_offered` is its flaw."""
    return render_page(
        request,
        "admin/meeting_type.html",
        status,
        id=id,
        form=form,
        never_offered=never_offered,
        previews=previews or (),
        previewed=previews is not None,
        follow_up_choices=FOLLOW_UP_CHOICES,
        kinds=KIND_NAMES,
        **vars(state),
    )
