"""One's own calendars on the page of settings: adding, reading again, choosing, removing."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

from anyio import to_thread
from fastapi import APIRouter, Form, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import WrongForm, checked, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on
from api.pages.settings.settings import page
from api.services import Oncelink
from api.v1 import calendars as asked
from api.v1.calendar_request_bodies import CalendarChoice, NewCalendar
from domain.refusals import Refusal

router = APIRouter(prefix="/settings/calendars", include_in_schema=False, route_class=PageRoute)

HERE = "/settings#calendars"
Field = Annotated[str, Form()]


@router.post("/feed")
async def add_feed(
    request: Request, parts: Parts, viewer: Viewer, feed_url: Field = "", feed_name: Field = ""
) -> Response:
    """Adds a feed by its address."""
    values = {"kind": "feed", "url": feed_url.strip(), "name": feed_name.strip() or None}
    return await added(request, parts, viewer, values, {"": "feed_url", "url": "feed_url", "name": "feed_name"})


@router.post("/account")
async def add_account(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    account_url: Field = "",
    account_user: Field = "",
    account_password: Field = "",
) -> Response:
    """Connects a CalDAV account."""
    values = {"kind": "caldav", "url": account_url.strip(), "user": account_user, "password": account_password}
    fields = {name: f"account_{name}" for name in ("url", "user", "password")} | {"": "account_url"}
    return await added(request, parts, viewer, values, fields)


@router.post("/{id}/refresh")
async def refresh(parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Reads a calendar now."""
    found = await asked.refresh_calendar(parts, viewer, id)
    return go_on(HERE, found["problem"] or f"Read the calendar: {entries(found)}.")


@router.post("/{id}/choose")
def choose(
    parts: Parts, viewer: Viewer, id: Id, read: Annotated[list[str] | None, Form()] = None, write_to: Field = ""
) -> Response:
    """Chooses which calendars of an account are read and written to."""
    try:
        body = checked(CalendarChoice, {"calendars": read or [], "write_to": write_to or None})
    except WrongForm as error:
        return go_on(HERE, next(iter(error.errors.values())))
    asked.choose_calendars(parts, viewer, id, body)
    return go_on(HERE, "Saved which calendars are used.")


@router.post("/{id}/remove")
def remove(parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Removes a calendar and what is known from it."""
    return go_on(HERE, "Removed the calendar.", asked.remove(parts, viewer, id))


async def added(
    request: Request, parts: Oncelink, viewer: Caller, values: Mapping[str, Any], fields: Mapping[str, str]
) -> Response:
    """Reads and keeps a calendar, or says beside its field why not; what was typed is not shown again."""
    try:
        body = checked(NewCalendar, values)
        await to_thread.run_sync(asked.refuse_too_many, parts, viewer)
        made = await asked.waited(parts, lambda: asked.add(parts, viewer, uuid4(), body, None))
    except (WrongForm, Refusal) as error:
        found = {fields.get(name, fields[""]): sentence for name, sentence in errors_of(error).items()}
        return await to_thread.run_sync(again, request, parts, viewer, found)
    assert made is not None, "its id is new"
    now = await to_thread.run_sync(asked.shown_again, parts, made)
    return go_on(HERE, f"Added {made.name}: {entries(now)}.")


def again(request: Request, parts: Oncelink, viewer: Caller, errors: dict[str, str]) -> Response:
    """The page of settings with what was wrong."""
    values, version = viewer.person.properties.model_dump(), viewer.person.version
    return page(request, parts, viewer, values, version, errors, status=422)


def entries(calendar: Mapping[str, Any]) -> str:
    """How much a calendar holds, in words."""
    count = calendar["busy_soon"]
    return f"{count} busy {'entry' if count == 1 else 'entries'} in the next 60 days"
