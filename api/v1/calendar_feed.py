"""A person's own read-only calendar of booked meetings at a secret URL: /calendar/{code}.ics."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Header, Response

from api.http.dependencies import Caller, CurrentCaller, CurrentServices, IdempotencyKey
from api.http.problem_details import describe_problems
from api.http.rate_limiter import GuestContext
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.response_models import CalendarFeed
from domain.person import Person
from domain.token import Token
from integrations.icalendar import render_published_calendar
from integrations.meeting_details import MeetingDetails
from projections import meeting_log
from projections.meeting_log import MeetingFilters
from store.credentials.feed_tokens import FeedToken

router = APIRouter(prefix="/v1/me/calendar-feed", tags=["People"], route_class=StrictRoute)
file_router = APIRouter(include_in_schema=False)

PAST_PERIOD = timedelta(days=30)
MAX_MEETINGS = 5_000


@router.get("", response_model=CalendarFeed, responses=describe_problems(401, 503))
def get_calendar_feed(services: CurrentServices, caller: CurrentCaller) -> CalendarFeed:
    """The address of one's own calendar of meetings; null while there is none.

    Whoever has the address can read when and with whom one meets. End it when it got into wrong hands.
    """
    return to_feed_response(services, find_feed(services, caller.person))


@router.post("", status_code=201, response_model=CalendarFeed, responses=describe_problems(401, 413, 422, 503))
def make_calendar_feed(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, response: Response
) -> CalendarFeed:
    """Makes a new secret address for one's own calendar of meetings, and ends the one before.

    For calendar programs, which read it regularly. It holds meetings that one hosts or co-hosts, of the last 30
    days and all to come.
    """
    id = uuid4() if key is None else uuid5(caller.person.id, f"calendar feed {key}")
    if not services.feed_tokens.create_token(id, caller.person.id, caller.context.now):
        services.reader.await_standbys()
        response.headers["Idempotent-Replayed"] = "true"
        return to_feed_response(services, services.feed_tokens.find_token(id))
    return to_feed_response(services, find_feed(services, caller.person))


@router.delete("", status_code=204, responses=describe_problems(401, 413, 503))
def end_calendar_feed(services: CurrentServices, caller: CurrentCaller) -> None:
    """Ends the address of one's own calendar of meetings; silent when there is none.

    Calendar programs that read it get 404 from then on.
    """
    services.feed_tokens.end_token(caller.person.id, caller.context.now)


@file_router.get("/calendar/{code:path}")
def get_calendar_file(
    services: CurrentServices,
    context: GuestContext,
    code: str,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """The meetings that somebody hosts or co-hosts, of the last 30 days and all to come, without cancelled ones."""
    id = services.codes.open_code(code.removesuffix(".ics"), "calendar")
    person = (
        find_feed_owner(services, services.feed_tokens.find_active_token(id)) if id and code.endswith(".ics") else None
    )
    if person is None:
        return Response("There is no such calendar.\n", 404, media_type="text/plain; charset=utf-8")
    content = render_calendar(person, load_meetings(services, person.id, context.now))
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}  # calendars keep it beside their own copy
    if if_none_match is not None and headers["ETag"] in (
        tag.strip().removeprefix("W/") for tag in if_none_match.split(",")
    ):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="meetings.ics"'
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def find_feed(services: Services, person: Person) -> FeedToken | None:
    """Find the feed that a person uses; None when there is none."""
    feed = services.feed_tokens.find_token_of_person(person.id)
    return feed if find_feed_owner(services, feed) else None


def find_feed_owner(services: Services, feed: FeedToken | None) -> Person | None:
    """Find the active person a feed belongs to; None when they left after it was made."""
    if feed is None:
        return None
    person = services.administration.load_aggregates([feed.person_id]).get(feed.person_id)
    is_valid = isinstance(person, Person) and person.active and not person.has_left_since(feed.created_at)
    return person if isinstance(person, Person) and is_valid else None


def to_feed_response(services: Services, feed: FeedToken | None) -> CalendarFeed:
    """Build the response about a feed."""
    if feed is None:
        return CalendarFeed(url=None, created_at=None)
    return CalendarFeed(url=build_feed_url(services, feed.id), created_at=feed.created_at)


def build_feed_url(services: Services, id: UUID) -> str:
    """Build a feed's secret URL."""
    return f"{services.settings.base_url}/calendar/{services.codes.create_code(id, 'calendar')}.ics"


def load_meetings(services: Services, person_id: UUID, now: datetime) -> list[MeetingDetails]:
    """Load the meetings of a person's calendar in order, in a fixed number of queries."""
    filters = MeetingFilters(host_id=person_id, starts_from=now - PAST_PERIOD, not_cancelled=True)
    ids: list[UUID] = []
    for row in meeting_log.iterate_meetings(services.live_source, filters, "starts_at"):
        ids.append(row["booking_id"])
        if len(ids) == MAX_MEETINGS:
            break
    streams = services.scheduling.load_aggregates(ids)
    tokens = [token for id in ids if isinstance(token := streams.get(id), Token)]
    current_tokens = [token for token in tokens if person_id in token.host_ids and not token.cancelled]
    references = services.meeting_details.load_references(current_tokens)
    return [services.meeting_details.build_details(token, references) for token in current_tokens]


def render_calendar(person: Person, meetings: Sequence[MeetingDetails]) -> bytes:
    """Render the calendar with the same ids and sequences as the files that guests get."""
    entries = (details.build_entry(for_guest=False, zone="UTC") for details in meetings)
    return render_published_calendar(entries, f"Meetings of {person.properties.name}")


def replace_feed(services: Services, caller: Caller) -> None:
    """Replace a person's feed by one with a new URL."""
    services.feed_tokens.create_token(uuid4(), caller.person.id, caller.context.now)
