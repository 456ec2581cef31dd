"""Calendars that one has elsewhere, read to know when one is busy: /v1/me/calendars."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from anyio import to_thread
from fastapi import APIRouter, Response

from api.http.dependencies import Caller, Id, IdempotencyKey, Parts, Signed, digestible, written
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.calendar_request_bodies import CalendarChoice, NewCalendar
from api.v1.calendar_response_models import OwnCalendar
from api.v1.response_models import PageOf
from domain.refusals import CalendarsBusy, IdempotencyKeyReused, Invalid, NotFound
from integrations.calendars.accounts import Account
from integrations.calendars.errors import Trouble
from integrations.calendars.sync import LEASE, UNOPENED
from store.busy_calendars import Calendar
from store.credentials.encrypted_secrets import SealBroken

router = APIRouter(prefix="/v1/me/calendars", tags=["Calendars"], route_class=StrictRoute)

MOST_CALENDARS = 10
T = TypeVar("T")


@router.get("", response_model=PageOf[OwnCalendar], responses=answers(401, 503))
def list_calendars(parts: Parts, caller: Signed) -> dict[str, Any]:
    """One's own calendars, oldest first.

    Each says how old what is known of it is; the address of a feed, a user name or a password are never shown.
    """
    found = [shown(parts, one) for one in parts.calendars.store.of_person(caller.person.id)]
    return {"items": found, "next_cursor": None}


@router.post("", status_code=201, response_model=OwnCalendar, responses=answers(401, 413, 422, 503))
async def add_calendar(
    parts: Parts, caller: Signed, key: IdempotencyKey, body: NewCalendar, response: Response
) -> dict[str, Any]:
    """Reads a calendar and keeps it; one that cannot be read is refused, and the error says why."""
    digest = parts.calendars.seals.digest(digestible(body, route="calendars"))
    id = uuid4() if key is None else uuid5(caller.person.id, f"calendar {key}")
    before = await to_thread.run_sync(parts.calendars.store.one, id, caller.person.id)
    if before is None:
        await to_thread.run_sync(refuse_too_many, parts, caller)
        made = await waited(parts, lambda: add(parts, caller, id, body, digest))
        before = made or await to_thread.run_sync(parts.calendars.store.one, id, caller.person.id)
        if made is not None:
            return await to_thread.run_sync(shown_again, parts, made)
    if before is None or before.request_digest != digest:
        raise IdempotencyKeyReused
    response.headers["Idempotent-Replayed"] = "true"
    return shown(parts, before)


@router.post("/{id}/choose", response_model=OwnCalendar, responses=answers(401, 404, 413, 422, 503))
def choose_calendars(parts: Parts, caller: Signed, id: Id, body: CalendarChoice) -> dict[str, Any]:
    """Chooses which calendars of an account are read, and which one meetings are written to."""
    calendar = own(parts, caller, id)
    given = body.given()
    account = opened(parts, calendar)
    read = given.get("calendars", [one.url for one in account.calendars if one.read])
    try:
        account = account.choosing(read, given.get("write_to", account.write_to))
    except Trouble as trouble:
        raise refusal_of(trouble) from None
    sealed = parts.calendars.seals.seal(id, account.as_secret())
    parts.calendars.store.reseal(id, calendar.name, sealed, caller.context.now)
    parts.calendars.store.writes(id, calendar.person_id, account.write_to is not None)
    parts.fetcher.wake()
    parts.bell.ring()
    return shown_again(parts, calendar)


@router.post("/{id}/refresh", response_model=OwnCalendar, responses=answers(401, 404, 413, 422, 503))
async def refresh_calendar(parts: Parts, caller: Signed, id: Id) -> dict[str, Any]:
    """Reads a calendar now, out of turn; the answer says whether it could be read."""
    calendar = await to_thread.run_sync(own, parts, caller, id)
    await waited(parts, lambda: look_now(parts, caller, id))
    return await to_thread.run_sync(shown_again, parts, calendar)


@router.delete("/{id}", status_code=204, responses=answers(401, 404, 413, 503))
def remove_calendar(parts: Parts, caller: Signed, id: Id, response: Response) -> None:
    """Removes a calendar with its login and everything that is known from it."""
    response.headers.update(written(remove(parts, caller, id)))


def add(parts: Oncelink, caller: Caller, id: UUID, body: NewCalendar, digest: bytes | None) -> Calendar | None:
    """Reads and keeps a calendar. Raises Trouble."""
    return parts.calendars.add(id, caller.person, body.account(), body.name or "", digest, body.chosen)


def look_now(parts: Oncelink, caller: Caller, id: UUID) -> None:
    """Looks at a calendar, unless somebody does already."""
    instant = caller.context.now
    calendar = parts.calendars.store.lease_one(id, caller.person.id, instant, instant + LEASE)
    if calendar is not None:
        parts.calendars.look(calendar)


def remove(parts: Oncelink, caller: Caller, id: UUID) -> int | None:
    """Removes a calendar, the one of the person's busy_feed_url there too; the position of that. Raises NotFound."""
    calendar = own(parts, caller, id)
    position = None
    if calendar.of_profile:
        position = parts.staffing.update_person(caller.context, caller.person.id, {"busy_feed_url": None})
    parts.calendars.store.remove(id)
    if position is not None:
        parts.appended()
    return position


async def waited(parts: Oncelink, work: Callable[[], T]) -> T:
    """What other people's servers answer, holding no thread of requests. Raises CalendarsBusy, Invalid."""
    done = parts.fetcher.do(work)
    if done is None:
        raise CalendarsBusy
    try:
        return await asyncio.wrap_future(done)
    except Trouble as trouble:
        raise refusal_of(trouble) from None


def refusal_of(trouble: Trouble) -> Invalid:
    """Why a calendar is refused: the field and the rule."""
    return Invalid(trouble.field, trouble.sentence)


def refuse_too_many(parts: Oncelink, caller: Caller) -> None:
    """Lets nobody have more calendars than are read for one person. Raises Invalid."""
    if len(parts.calendars.store.of_person(caller.person.id)) >= MOST_CALENDARS:
        raise Invalid("url", f"One person can have {MOST_CALENDARS} calendars at most. Remove one first.")


def own(parts: Oncelink, caller: Caller, id: UUID) -> Calendar:
    """A calendar of the caller. Raises NotFound."""
    found = parts.calendars.store.one(id, caller.person.id)
    if found is None:
        raise NotFound
    return found


def opened(parts: Oncelink, calendar: Calendar) -> Account:
    """Where a calendar is. Raises Invalid."""
    try:
        return parts.calendars.account(calendar)
    except SealBroken:
        raise Invalid("id", UNOPENED) from None


def shown_again(parts: Oncelink, calendar: Calendar) -> dict[str, Any]:
    """A calendar as it is now. Raises NotFound."""
    found = parts.calendars.store.one(calendar.id, calendar.person_id)
    if found is None:
        raise NotFound
    return shown(parts, found)


def shown(parts: Oncelink, calendar: Calendar) -> dict[str, Any]:
    """A calendar as its person sees it."""
    try:
        chosen = parts.calendars.account(calendar).calendars
    except SealBroken:
        chosen = ()
    return {
        "id": calendar.id,
        "kind": calendar.kind,
        "name": calendar.name,
        "is_busy_feed_url": calendar.of_profile,
        "calendars": [
            {"url": one.url, "name": one.name, "writable": one.writable, "read": one.read, "write": one.write}
            for one in chosen
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
