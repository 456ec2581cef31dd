"""Everybody's own calendar of booked meetings, read-only, at a secret address: /calendar/{code}.ics."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Header, Response
from icalendar import Calendar

from api.http.dependencies import AsGuest, Caller, IdempotencyKey, Parts, Signed
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.response_models import CalendarFeed
from domain.person import Person
from domain.token import Token
from integrations.icalendar import PRODUCT, event
from integrations.meeting_details import Facts, facts_from, parts_of_meetings
from projections import meeting_log
from projections.meeting_log import MeetingFilters
from store.credentials.feed_tokens import Feed

router = APIRouter(prefix="/v1/me/calendar-feed", tags=["People"], route_class=StrictRoute)
file_router = APIRouter(include_in_schema=False)

BEHIND = timedelta(days=30)
MOST_MEETINGS = 5_000
CHECK_AGAIN = "private, no-cache"  # calendars keep a copy, and ask with its ETag whether it is still good


@router.get("", response_model=CalendarFeed, responses=answers(401, 503))
def get_calendar_feed(parts: Parts, caller: Signed) -> CalendarFeed:
    """The address of one's own calendar of meetings; null while there is none."""
    return shown(parts, feed_of(parts, caller.person))


@router.post("", status_code=201, response_model=CalendarFeed, responses=answers(401, 413, 422, 503))
def make_calendar_feed(parts: Parts, caller: Signed, key: IdempotencyKey, response: Response) -> CalendarFeed:
    """Makes a new secret address for one's own calendar of meetings, and ends the one before."""
    id = uuid4() if key is None else uuid5(caller.person.id, f"calendar feed {key}")
    if not parts.feeds.make(id, caller.person.id, caller.context.now):
        response.headers["Idempotent-Replayed"] = "true"
        return shown(parts, parts.feeds.ever(id))
    return shown(parts, feed_of(parts, caller.person))


@router.delete("", status_code=204, responses=answers(401, 413, 503))
def end_calendar_feed(parts: Parts, caller: Signed) -> None:
    """Ends the address of one's own calendar of meetings; silent when there is none."""
    parts.feeds.end(caller.person.id, caller.context.now)


@file_router.get("/calendar/{code:path}")
def calendar(
    parts: Parts, context: AsGuest, code: str, known: Annotated[str | None, Header(alias="If-None-Match")] = None
) -> Response:
    """The meetings that somebody hosts or co-hosts, of the last 30 days and all to come, without cancelled ones."""
    id = parts.codes.open(code.removesuffix(".ics"), "calendar")
    person = person_of(parts, parts.feeds.one(id)) if id and code.endswith(".ics") else None
    if person is None:
        return Response(
            "There is no such calendar.\n", 404, {"Cache-Control": CHECK_AGAIN}, "text/plain; charset=utf-8"
        )
    content = written(person, meetings_of(parts, person.id, context.now))
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "Cache-Control": CHECK_AGAIN}
    if known is not None and headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="meetings.ics"'
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def feed_of(parts: Oncelink, person: Person) -> Feed | None:
    """The address that somebody has in use."""
    feed = parts.feeds.of_person(person.id)
    return feed if person_of(parts, feed) else None


def person_of(parts: Oncelink, feed: Feed | None) -> Person | None:
    """Whose calendar it is, unless they left since it was made."""
    if feed is None:
        return None
    person = parts.staffing.load([feed.person_id]).get(feed.person_id)
    stays = isinstance(person, Person) and person.active and not person.keys_end_at(feed.created_at)
    return person if isinstance(person, Person) and stays else None


def shown(parts: Oncelink, feed: Feed | None) -> CalendarFeed:
    """An address as its owner sees it."""
    if feed is None:
        return CalendarFeed(url=None, created_at=None)
    return CalendarFeed(url=address(parts, feed.id), created_at=feed.created_at)


def address(parts: Oncelink, id: UUID) -> str:
    """The secret address itself."""
    return f"{parts.settings.base_url}/calendar/{parts.codes.make(id, 'calendar')}.ics"


def meetings_of(parts: Oncelink, person_id: UUID, now: datetime) -> list[Facts]:
    """What somebody's calendar shows, in order: everything in a few questions, however many meetings there are."""
    wanted = MeetingFilters(host_id=person_id, starts_from=now - BEHIND, standing=True)
    ids: list[UUID] = []
    for row in meeting_log.stream(parts.live, wanted, "starts_at"):
        ids.append(row["booking_id"])
        if len(ids) == MOST_MEETINGS:
            break
    found = parts.scheduling.load(ids)
    tokens = [token for id in ids if isinstance(token := found.get(id), Token)]
    current = [token for token in tokens if person_id in token.host_ids and not token.cancelled]
    known = parts_of_meetings(parts, current)
    return [facts_from(parts, token, known) for token in current]


def written(person: Person, meetings: Sequence[Facts]) -> bytes:
    """The calendar: the same entries, with the same ids and sequences, as the guests' files."""
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", f"Meetings of {person.properties.name}")
    found.add("x-published-ttl", "PT15M")
    for facts in meetings:
        found.add_component(event(facts.entry(for_guest=False, zone="UTC")))
    return bytes(found.to_ical())


def made_anew(parts: Oncelink, caller: Caller) -> None:
    """A new address for the pages, in the place of the one before."""
    parts.feeds.make(uuid4(), caller.person.id, caller.context.now)
