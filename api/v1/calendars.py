"""Calendars that a person connects, read to know when they are busy: /v1/me/calendars."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from anyio import to_thread
from fastapi import APIRouter, Response

from api.http.dependencies import (
    Caller,
    CurrentCaller,
    CurrentServices,
    Id,
    IdempotencyKey,
    build_position_header,
    describe_request,
)
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.bodies.calendars import CalendarChoice, NewCalendar
from api.v1.calendar_response_models import OwnCalendar
from api.v1.response_models import PageOf
from domain.refusals import CalendarsBusy, IdempotencyKeyReused, Invalid, NotFound
from integrations.calendars.accounts import Account
from integrations.calendars.errors import CalendarError
from integrations.calendars.sync import LEASE, UNDECRYPTABLE
from store.busy_calendars import Calendar
from store.credentials.encrypted_secrets import DecryptionFailed

router = APIRouter(prefix="/v1/me/calendars", tags=["Calendars"], route_class=StrictRoute)

MAX_CALENDARS = 10
T = TypeVar("T")


@router.get("", response_model=PageOf[OwnCalendar], responses=describe_problems(401, 503))
def list_calendars(services: CurrentServices, caller: CurrentCaller) -> dict[str, Any]:
    """One's own calendars, oldest first.

    Each says how old what is known of it is; the address of a feed, a user name or a password are never shown.
    """
    items = [
        to_calendar_response(services, calendar)
        for calendar in services.calendar_sync.store.list_calendars(caller.person.id)
    ]
    return {"items": items, "next_cursor": None}


@router.post(
    "", status_code=201, response_model=OwnCalendar, responses=describe_problems(401, 413, 422, 503, "calendars_busy")
)
async def add_calendar(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewCalendar, response: Response
) -> dict[str, Any]:
    """Reads a calendar and keeps it; one that cannot be read is refused, and the error says why.

    Takes the address of an iCalendar feed, or of a CalDAV account with user and password. It is read before the
    answer, which says what could be read. Addresses inside of the server's own network are refused unless the
    operator allows them.
    """
    digest = services.calendar_sync.secret_cipher.compute_digest(describe_request(body, route="calendars"))
    id = uuid4() if key is None else uuid5(caller.person.id, f"calendar {key}")
    existing = await to_thread.run_sync(services.calendar_sync.store.find_calendar, id, caller.person.id)
    if existing is None:
        await to_thread.run_sync(refuse_too_many, services, caller)
        added = await run_in_pool(services, lambda: connect_calendar(services, caller, id, body, digest))
        existing = added or await to_thread.run_sync(services.calendar_sync.store.find_calendar, id, caller.person.id)
        if added is not None:
            return await to_thread.run_sync(reload_response, services, added)
    if existing is None or existing.request_digest != digest:
        raise IdempotencyKeyReused
    await to_thread.run_sync(services.reader.await_standbys)
    response.headers["Idempotent-Replayed"] = "true"
    return to_calendar_response(services, existing)


@router.post("/{id}/choose", response_model=OwnCalendar, responses=describe_problems(401, 404, 413, 422, 503))
def choose_calendars(services: CurrentServices, caller: CurrentCaller, id: Id, body: CalendarChoice) -> dict[str, Any]:
    """Chooses which calendars of an account are read, and which one meetings are written to.

    `calendars` are the addresses, from this answer, of those to read. `write_to` is the one that gets the meetings;
    `null` writes to none. An absent field stays as it is.
    """
    calendar = get_own_calendar(services, caller, id)
    fields = body.get_sent_fields()
    account = decrypt_account(services, calendar)
    read = fields.get(
        "calendars", [calendar_choice.url for calendar_choice in account.calendars if calendar_choice.read]
    )
    try:
        account = account.select_calendars(read, fields.get("write_to", account.write_to))
    except CalendarError as error:
        raise to_refusal(error) from None
    encrypted = services.calendar_sync.secret_cipher.encrypt_secret(id, account.to_secret())
    services.calendar_sync.store.replace_secret(id, calendar.name, encrypted, caller.context.now)
    services.calendar_sync.store.set_writer(id, calendar.person_id, account.write_to is not None)
    services.fetcher.wake()
    services.outbox_workers.wake()
    return reload_response(services, calendar)


@router.post(
    "/{id}/refresh",
    response_model=OwnCalendar,
    responses=describe_problems(401, 404, 413, 422, 503, "calendars_busy"),
)
async def refresh_calendar(services: CurrentServices, caller: CurrentCaller, id: Id) -> dict[str, Any]:
    """Reads a calendar now, out of turn; the answer says whether it could be read.

    `state` is `read` or `failing`; `problem` says why it failed. Calendars are also read regularly without this.
    """
    calendar = await to_thread.run_sync(get_own_calendar, services, caller, id)
    await run_in_pool(services, lambda: fetch_now(services, caller, id))
    return await to_thread.run_sync(reload_response, services, calendar)


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 404, 413, 503))
def remove_calendar(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> None:
    """Removes a calendar with its login and everything that is known from it.

    What it blocked is on offer again. Meetings that were written to it stay there.
    """
    response.headers.update(build_position_header(delete_calendar(services, caller, id)))


def connect_calendar(
    services: Services, caller: Caller, id: UUID, body: NewCalendar, digest: bytes | None
) -> Calendar | None:
    """Fetch and store a calendar. Raises CalendarError."""
    return services.calendar_sync.add_calendar(
        id, caller.person, body.to_account(), body.name or "", digest, body.choose_calendars
    )


def fetch_now(services: Services, caller: Caller, id: UUID) -> None:
    """Fetch a calendar, unless somebody is already fetching it."""
    instant = caller.context.now
    calendar = services.calendar_sync.store.lease_calendar(id, caller.person.id, instant, instant + LEASE)
    if calendar is not None:
        services.calendar_sync.sync_calendar(calendar)


def delete_calendar(services: Services, caller: Caller, id: UUID) -> int | None:
    """Delete a calendar, and busy_feed_url if it is that one; returns that change's position. Raises NotFound."""
    calendar = get_own_calendar(services, caller, id)
    position = None
    if calendar.of_profile:
        position = services.administration.update_person(caller.context, caller.person.id, {"busy_feed_url": None})
    services.calendar_sync.store.remove_calendar(id)
    if position is not None:
        services.announce_append()
    return position


async def run_in_pool(services: Services, work: Callable[[], T]) -> T:
    """Run work that calls other servers in the fetcher's pool. Raises CalendarsBusy, Invalid."""
    future = services.fetcher.submit_work(work)
    if future is None:
        raise CalendarsBusy
    try:
        return await asyncio.wrap_future(future)
    except CalendarError as error:
        raise to_refusal(error) from None


def to_refusal(error: CalendarError) -> Invalid:
    """Convert a calendar error to a refusal that names the field."""
    return Invalid(error.field, error.sentence)


def refuse_too_many(services: Services, caller: Caller) -> None:
    """Refuse a calendar beyond the limit for one person. Raises Invalid."""
    if len(services.calendar_sync.store.list_calendars(caller.person.id)) >= MAX_CALENDARS:
        raise Invalid("url", f"One person can have {MAX_CALENDARS} calendars at most. Remove one first.")


def get_own_calendar(services: Services, caller: Caller, id: UUID) -> Calendar:
    """Get a calendar of the caller. Raises NotFound."""
    calendar = services.calendar_sync.store.find_calendar(id, caller.person.id)
    if calendar is None:
        raise NotFound
    return calendar


def decrypt_account(services: Services, calendar: Calendar) -> Account:
    """Decrypt where a calendar is. Raises Invalid."""
    try:
        return services.calendar_sync.decrypt_account(calendar)
    except DecryptionFailed:
        raise Invalid("id", UNDECRYPTABLE) from None


def reload_response(services: Services, calendar: Calendar) -> dict[str, Any]:
    """Reload a calendar and build its response. Raises NotFound."""
    reloaded = services.calendar_sync.store.find_calendar(calendar.id, calendar.person_id)
    if reloaded is None:
        raise NotFound
    return to_calendar_response(services, reloaded)


def to_calendar_response(services: Services, calendar: Calendar) -> dict[str, Any]:
    """Build the response of a calendar, as its person sees it."""
    try:
        calendars = services.calendar_sync.decrypt_account(calendar).calendars
    except DecryptionFailed:
        calendars = ()
    return {
        "id": calendar.id,
        "kind": calendar.kind,
        "name": calendar.name,
        "is_busy_feed_url": calendar.of_profile,
        "calendars": [
            {
                "url": calendar_choice.url,
                "name": calendar_choice.name,
                "writable": calendar_choice.writable,
                "read": calendar_choice.read,
                "write": calendar_choice.write,
            }
            for calendar_choice in calendars
        ],
        "state": "failing" if calendar.problem else "read" if calendar.read_at else "waiting",
        "problem": calendar.problem,
        "failing_since": calendar.failing_since,
        "checked_at": calendar.checked_at,
        "known_until": calendar.known_until,
        "busy_soon": calendar.soon if calendar.read_at else None,
        "due_at": calendar.due_at,
        "created_at": calendar.created_at,
    }
