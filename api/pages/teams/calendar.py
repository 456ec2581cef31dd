"""A team's calendar: a week of who is booked when, who is away, and when each member is free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import OptionalDay
from api.pages.rendering.templates import render_page
from api.pages.teams.lists import READER_ROLES, load_team_row
from api.services import Services
from domain.availability.hours import Interval, iterate_dates, list_working_intervals, load_zone, merge_intervals
from domain.offer import build_days_interval
from domain.person import Person
from projections import meeting_log
from projections.meeting_log import MeetingFilters
from projections.teams import TeamRow

router = APIRouter(prefix="/teams", include_in_schema=False, route_class=PageRoute)

DAY = timedelta(days=1)
MAX_MEETINGS = 200  # of one member in a week
SHORTEST_FREE = timedelta(minutes=15)
LONGEST_BUFFER = timedelta(hours=1)


@dataclass(frozen=True)
class DayPiece:
    """A free or a taken piece of a day; `row` is its meeting if the viewer may see that."""

    interval: Interval
    row: Any = None
    free: bool = False


@dataclass(frozen=True)
class CalendarDay:
    """A member's day: its pieces in order, and whether they are away or off."""

    date: date
    pieces: Sequence[DayPiece]
    is_away: bool
    is_off: bool


@dataclass(frozen=True)
class Week:
    """A week from Monday, in the viewer's zone."""

    first: date
    interval: Interval
    zone: ZoneInfo

    @classmethod
    def from_day(cls, day: date, zone: str) -> "Week":
        """Return the week of a day."""
        first = day - timedelta(days=day.weekday())
        return cls(first, build_days_interval(first, first + 6 * DAY, zone), load_zone(zone))

    @property
    def days(self) -> list[date]:
        """Monday to Sunday."""
        return list(iterate_dates(self.first, self.first + 6 * DAY))

    def find_interval(self, day: date) -> Interval:
        """Return one of its days as an interval."""
        return build_days_interval(day, day, self.zone.key)


@router.get("/{id}/calendar", dependencies=[WaitsForPosition])
def show_calendar(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, week: OptionalDay = None
) -> Response:
    """Show a week of a team, that of today unless a day is given (member, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    team = load_team_row(services, id)
    shown_week = Week.from_day(week or viewer.today, viewer.person.properties.time_zone)
    people = services.administration.load_aggregates([member["person_id"] for member in team["members"]])
    rows = [
        (member, build_days(services, viewer, people[member["person_id"]], shown_week))
        for member in team["members"]
        if member["person_id"] in people
    ]
    free_now = list_free_members(services, team, people, viewer.context.now)
    return render_page(
        request,
        "teams/calendar.html",
        team=team,
        week=shown_week,
        rows=rows,
        free_now=free_now,
        today=viewer.today,
        previous=shown_week.first - 7 * DAY,
        following=shown_week.first + 7 * DAY,
    )


def build_days(services: Services, viewer: Caller, person: Any, week: Week) -> list[CalendarDay]:
    """Build a member's week from the log, and from meetings that the viewer may see."""
    unavailable = services.reader.find_unavailable_intervals([person.id], week.interval)
    meetings = list_meetings(services, viewer, person.id, week.interval)
    working = list_free_time(person, week.interval, [])
    free = list_free_time(person, week.interval, unavailable)
    days = []
    for day in week.days:
        within = week.find_interval(day)
        rows = [row for row in meetings if row["starts_at"] < within.end and within.start < row["ends_at"]]
        booked = [DayPiece(Interval(row["starts_at"], row["ends_at"]), row) for row in rows]
        others = subtract_intervals(intersect_intervals(unavailable, within), [one.interval for one in booked])
        pieces = [*booked, *(DayPiece(interval) for interval in others if not is_buffer(interval, booked))]
        pieces += [DayPiece(interval, free=True) for interval in intersect_intervals(free, within) if is_long(interval)]
        days.append(
            CalendarDay(
                day,
                sorted(pieces, key=lambda piece: piece.interval.start),
                is_away=is_away(person, day),
                is_off=not intersect_intervals(working, within),
            )
        )
    return days


def is_buffer(interval: Interval, booked: Iterable[DayPiece]) -> bool:
    """Return whether taken time is short and touches a meeting, as a buffer does."""
    touches = any(interval.end == one.interval.start or interval.start == one.interval.end for one in booked)
    return touches and interval.end - interval.start <= LONGEST_BUFFER


def is_long(interval: Interval) -> bool:
    """Return whether free time is worth a line."""
    return interval.end - interval.start >= SHORTEST_FREE


def list_meetings(services: Services, viewer: Caller, person_id: UUID, within: Interval) -> list[Any]:
    """Return the meetings of a member in a week that the viewer may see."""
    filters = MeetingFilters(
        host_id=person_id,
        starts_from=within.start - DAY,
        starts_to=within.end,
        not_cancelled=True,
        visible_to=viewer.limit_visibility("manager", "auditor"),
    )
    return list(meeting_log.list_meetings(services.live_source, filters, "starts_at", MAX_MEETINGS).items)


def list_free_time(person: Any, within: Interval, unavailable: Iterable[Interval]) -> list[Interval]:
    """Return the working time of a person that nothing has taken, without their absences."""
    if not isinstance(person, Person) or not person.active:
        return []
    zone = load_zone(person.properties.time_zone)
    first, last = within.start.astimezone(zone).date(), within.end.astimezone(zone).date()
    working = [
        interval
        for day in iterate_dates(first, last)
        if not is_away(person, day)
        for interval in list_working_intervals(person.working_hours, day, day)
    ]
    return subtract_intervals(intersect_intervals(merge_intervals(working), within), unavailable)


def is_away(person: Any, day: date) -> bool:
    """Return whether a person is on leave on a day of theirs."""
    return any(one.first_day <= day.isoformat() <= one.last_day for one in person.properties.absences)


def list_free_members(services: Services, team: TeamRow, people: Any, now: datetime) -> list[Any]:
    """Return the members who are free at this instant."""
    moment = Interval(now, now + timedelta(minutes=1))
    free = []
    for member in team["members"]:
        person = people.get(member["person_id"])
        unavailable = services.reader.find_unavailable_intervals([member["person_id"]], moment)
        if person is not None and list_free_time(person, moment, unavailable) == [moment]:
            free.append(member)
    return free


def intersect_intervals(intervals: Iterable[Interval], within: Interval) -> list[Interval]:
    """Return the parts of intervals within another one."""
    clipped = (Interval(max(one.start, within.start), min(one.end, within.end)) for one in intervals)
    return [one for one in clipped if one.start < one.end]


def subtract_intervals(intervals: Iterable[Interval], unavailable: Iterable[Interval]) -> list[Interval]:
    """Return what is left of intervals without the time of others."""
    left = list(intervals)
    for other in unavailable:
        left = [
            piece
            for one in left
            for piece in (Interval(one.start, min(one.end, other.start)), Interval(max(one.start, other.end), one.end))
            if piece.start < piece.end
        ]
    return left
