"""Why not? A day of a link, with every time that is free and the reasons for the others, now or as of an instant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from api.http.dependencies import CurrentServices, Id
from api.http.pagination import validate_query_text
from api.instant_parsing import parse_instant_or_position
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, OptionalDay
from api.pages.rendering.templates import render_page
from api.pages.rendering.time_formatting import format_date
from api.v1.explanations.explaining import OfferThen, describe_verdict, load_offer_then
from domain.availability.grid import iterate_grid
from domain.offer import build_days_interval
from domain.refusals import Invalid
from domain.verdicts.judging import Judgement

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

MAX_STARTS = 96  # of a day that are looked at: every quarter of an hour
ONE_DAY = timedelta(days=1)
Moment = Annotated[
    str | None, Blank, Query(max_length=40), AfterValidator(lambda value: value and validate_query_text(value))
]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Starts one after the other that are all free, or not for the same reasons."""

    first: datetime
    last: datetime
    count: int
    is_free: bool
    reasons: Sequence[dict[str, Any]]


@router.get("/{id}/why", dependencies=[WaitsForPosition])
def show_why(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, day: OptionalDay = None, at: Moment = None
) -> Response:
    """Show a day with reasons: tomorrow, unless another is asked for (who may change the link, auditors)."""
    zone = viewer.person.properties.time_zone
    shown_day = day or viewer.today + ONE_DAY
    error, moment = None, None
    try:
        moment = parse_moment(at, zone)
        then = load_offer_then(services, viewer, id, build_days_interval(shown_day, shown_day, zone), moment)
    except Invalid as refusal:
        error = refusal.message
        then = load_offer_then(services, viewer, id, build_days_interval(shown_day, shown_day, zone), None)
    starts = list_starts(then, shown_day, zone)
    return render_page(
        request,
        "links/why.html",
        422 if error else 200,
        link={"id": id, "name": then.offer.link.properties.name},
        day=shown_day,
        day_name=format_date(shown_day),
        clock=lambda instant: f"{instant.astimezone(ZoneInfo(zone)):%H:%M}",
        at_text=at,
        error=error,
        then=then,
        stretches=[*merge_starts(then, starts, viewer.person.id)],
    )


def parse_moment(text: str | None, zone: str) -> int | datetime | None:
    """Parse a local time of the viewer's zone, as forms send it, an instant, or a position. Raises Invalid."""
    if text is None:
        return None
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        local = None
    if local is not None and local.tzinfo is None and not text.isdigit():
        return local.replace(tzinfo=ZoneInfo(zone))
    try:
        moment = parse_instant_or_position(text)
    except ValueError as error:
        raise Invalid("at", str(error)) from None
    assert isinstance(moment, int | datetime)
    return moment


def list_starts(then: OfferThen, day: date, zone: str) -> list[datetime]:
    """List the starts of a day that the first host's grid has, at most 96 of them at equal distances."""
    within = build_days_interval(day, day, zone)
    host = then.offer.get_hours(then.offer.hosts[0])
    step = then.offer.meeting_type.properties.rules.step
    starts = sorted(
        start
        for run in iterate_grid(host, step, within.start, within.end)
        for start in run.list_starts()
        if within.start <= start < within.end
    )
    distance = -(-len(starts) // MAX_STARTS)
    return starts[::distance] if distance else []


def merge_starts(then: OfferThen, starts: Sequence[datetime], viewer_id: UUID) -> Iterator[Stretch]:
    """Iterate over the stretches of a day, in its order."""
    judgements = [then.judge(start) for start in starts]
    begin = 0
    for index in range(1, len(judgements) + 1):
        if index == len(judgements) or name_reasons(judgements[index]) != name_reasons(judgements[begin]):
            yield build_stretch(then, judgements[begin:index], viewer_id)
            begin = index


def name_reasons(judgement: Judgement) -> list[tuple[str, UUID | None]]:
    """Return which rules fail, and for whom."""
    return [(verdict.policy, verdict.person.id if verdict.person else None) for verdict in judgement.failures]


def build_stretch(then: OfferThen, judgements: Sequence[Judgement], viewer_id: UUID) -> Stretch:
    """Build the stretch of starts with the same reasons, which are told of the first one."""
    first = judgements[0]
    reasons = [describe_verdict(then, verdict, first.start, viewer_id) for verdict in first.failures]
    return Stretch(first.start, judgements[-1].start, len(judgements), first.is_on_offer, reasons)
