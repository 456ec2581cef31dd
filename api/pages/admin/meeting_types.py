"""Administration of meeting types: the templates of meetings that links book."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel

from api.http.dependencies import VISIBLE_ASCII, Id, Parts, digestible
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.edit_conflicts import differences
from api.pages.rendering.forms import WrongForm, checked, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import PageCursor, Row, Words
from api.pages.rendering.templates import go_on, render
from api.v1.request_bodies import MeetingTypeChanges, NewMeetingType
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.refusals import Refusal, VersionConflict
from projections import meeting_types

router = APIRouter(prefix="/admin/meeting-types", include_in_schema=False, route_class=PageRoute)

TEXTS = ("name", "description", "location")


class TypeForm(BaseModel):
    """A meeting type as it is typed; the version that it was made on, or the key of a new one."""

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
    def of(cls, properties: MeetingTypeProperties, version: int) -> "TypeForm":
        """The form of a meeting type as it is."""
        values = {name: "" if value is None else str(value) for name, value in dict(properties).items()}
        return cls(**values, version=str(version))

    def values(self) -> dict[str, Any]:
        """What is typed, as the JSON API takes it: numbers where there should be some, null where nothing is."""
        typed = self.model_dump(exclude={"version", "key"})
        return {name: value.strip() if name in TEXTS else number(value) for name, value in typed.items()} | {
            name: typed[name].strip() or None for name in ("description", "location")
        }


Typed = Annotated[TypeForm, Form()]


@router.get("", dependencies=[CaughtUp])
def listed(
    request: Request, parts: Parts, viewer: Viewer, q: Words = None, cursor: PageCursor = None, row: Row = 1
) -> Response:
    """All meeting types, by name."""
    viewer.require("admin")
    page = meeting_types.page(parts.live, q, "name", cursor=cursor)
    return render(request, "admin/meeting_types.html", page=page, q=q, row=row)


@router.get("/new")
def ask_new(request: Request, viewer: Viewer) -> Response:
    """An empty form."""
    viewer.require("admin")
    form = TypeForm(key=secrets.token_urlsafe(18))
    return render(request, "admin/meeting_type.html", form=form, id=None, errors={}, theirs=[])


@router.post("/new")
def create(request: Request, parts: Parts, viewer: Viewer, form: Typed) -> Response:
    """Creates a meeting type, once however often the button is pressed."""
    viewer.require("admin")
    try:
        body = checked(NewMeetingType, form.values())
        key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
        outcome = parts.staffing.create_meeting_type(
            viewer.context, MeetingTypeProperties(**dict(body)), key, digestible(body, route="meeting-types")
        )
    except (WrongForm, Refusal) as error:
        errors = errors_of(error)
        return render(request, "admin/meeting_type.html", 422, form=form, id=None, errors=errors, theirs=[])
    parts.appended()
    return go_on("/admin/meeting-types", f"Created {body.name}.", outcome.position)


@router.get("/{id}")
def ask_change(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """The form of a meeting type as it is."""
    viewer.require("admin")
    found = parts.staffing.get(MeetingType, id)
    form = TypeForm.of(found.properties, found.version)
    return render(request, "admin/meeting_type.html", form=form, id=id, errors={}, theirs=[])


@router.post("/{id}")
def change(request: Request, parts: Parts, viewer: Viewer, id: Id, form: Typed) -> Response:
    """Changes a meeting type, unless somebody else did meanwhile."""
    viewer.require("admin")
    try:
        changes = checked(MeetingTypeChanges, form.values()).given()
        version = int(form.version) if form.version.isdecimal() else None
        position = parts.staffing.update_meeting_type(viewer.context, id, changes, version)
    except VersionConflict:
        found = parts.staffing.get(MeetingType, id)
        theirs = differences(dict(found.properties), form.values())
        renewed = form.model_copy(update={"version": str(found.version)})
        given = {"form": renewed, "id": id, "errors": {}, "theirs": theirs}
        return render(request, "admin/meeting_type.html", 412, **given)
    except (WrongForm, Refusal) as error:
        given = {"form": form, "id": id, "errors": errors_of(error), "theirs": []}
        return render(request, "admin/meeting_type.html", 422, **given)
    if position is not None:
        parts.appended()
    sentence = f"Saved {form.name}. Links of it follow at once." if position else "Nothing was changed."
    return go_on("/admin/meeting-types", sentence, position)


def number(text: str) -> Any:
    """A whole number; nothing for nothing; else the text itself, which the rules then refuse."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None
