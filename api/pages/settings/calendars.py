"""The viewer's own calendars on the settings page: adding, refreshing, choosing, removing."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormModel
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to
from api.pages.settings.settings import render_own_settings
from api.services import Services
from api.v1 import calendars as calendars_api
from api.v1.bodies.calendars import CalendarChoice, NewCalendar
from domain.refusals import Invalid, Refusal
from domain.text_direction import isolate_text

router = APIRouter(prefix="/settings/calendars", include_in_schema=False, route_class=PageRoute)

CALENDARS_URL = "/settings#calendars"


class FeedForm(BaseModel):
    """A feed to add."""

    feed_url: str = ""
    feed_name: str = ""


class AccountForm(BaseModel):
    """A CalDAV account to connect."""

    account_url: str = ""
    account_user: str = ""
    account_password: str = ""


class ChoiceForm(BaseModel):
    """Which calendars of an account are read, and which one is written to."""

    read: list[str] = []
    write_to: str = ""


@router.post("/feed")
async def add_feed(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[FeedForm, Depends(FormModel(FeedForm))]
) -> Response:
    """Add a feed by its URL."""
    values = {"kind": "feed", "url": form.feed_url.strip(), "name": form.feed_name.strip() or None}
    fields = {"": "feed_url", "url": "feed_url", "name": "feed_name"}
    return await add_calendar(request, services, viewer, values, fields, form.model_dump())


@router.post("/account")
async def add_account(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    form: Annotated[AccountForm, Depends(FormModel(AccountForm))],
) -> Response:
    """Connect a CalDAV account."""
    values = {
        "kind": "caldav",
        "url": form.account_url.strip(),
        "user": form.account_user,
        "password": form.account_password,
    }
    fields = {name: f"account_{name}" for name in ("url", "user", "password")} | {"": "account_url"}
    typed = form.model_dump(exclude={"account_password"})
    return await add_calendar(request, services, viewer, values, fields, typed)


@router.post("/{id}/refresh")
async def refresh_calendar(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Fetch a calendar now."""
    calendar = await calendars_api.refresh_calendar(services, viewer, id)
    return redirect_to(CALENDARS_URL, calendar["problem"] or f"Read the calendar: {format_entry_count(calendar)}.")


@router.post("/{id}/choose")
def choose_calendars(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Annotated[ChoiceForm, Depends(FormModel(ChoiceForm))],
) -> Response:
    """Choose which calendars of an account are read and written to, or show beside them why that is refused."""
    try:
        body = validate_form(CalendarChoice, {"calendars": form.read, "write_to": form.write_to or None})
        calendars_api.choose_calendars(services, viewer, id, body)
    except (InvalidForm, Invalid) as error:
        name = f"calendar-{id}-choice"
        errors = {name: next(iter(collect_field_errors(error).values()))}
        return render_own_settings(request, services, viewer, errors, 422, typed={name: form})
    return redirect_to(CALENDARS_URL, "Saved which calendars are used.")


@router.post("/{id}/remove")
def remove_calendar(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Remove a calendar and the busy times known from it."""
    return redirect_to(CALENDARS_URL, "Removed the calendar.", calendars_api.delete_calendar(services, viewer, id))


async def add_calendar(
    request: Request,
    services: Services,
    viewer: Caller,
    values: Mapping[str, Any],
    fields: Mapping[str, str],
    typed: Mapping[str, str],
) -> Response:
    """Fetch and add a calendar, or show errors at its fields, with what was typed but for a password."""
    try:
        body = validate_form(NewCalendar, values)
        await to_thread.run_sync(calendars_api.refuse_too_many, services, viewer)
        calendar = await calendars_api.run_in_pool(
            services, lambda: calendars_api.connect_calendar(services, viewer, uuid4(), body, None)
        )
    except (InvalidForm, Refusal) as error:
        errors = {fields.get(name, fields[""]): sentence for name, sentence in collect_field_errors(error).items()}
        return await to_thread.run_sync(
            lambda: render_own_settings(request, services, viewer, errors, 422, typed=typed)
        )
    assert calendar is not None, "its id is new"
    calendar_row = await to_thread.run_sync(calendars_api.reload_response, services, calendar)
    return redirect_to(CALENDARS_URL, f"Added {isolate_text(calendar.name)}: {format_entry_count(calendar_row)}.")


def format_entry_count(calendar: Mapping[str, Any]) -> str:
    """Return how many busy entries a calendar has, as text."""
    count = calendar["busy_soon"]
    return f"{count} busy {'entry' if count == 1 else 'entries'} in the next 60 days"
