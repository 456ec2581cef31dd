"""The sentence of each verdict: the rule, and how the start fits it. What fills somebody's time is not named."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.availability.hours import list_hours_on
from domain.durations import describe_minutes
from domain.offer import LinkOffer
from domain.person import Person
from domain.text_direction import isolate_text
from domain.verdicts.judging import Verdict

LINK_REASONS = {
    "link_deleted": "The link is deleted.",
    "link_disabled": "The link is disabled.",
    "link_expired": "The link has expired.",
}


def explain_verdict(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence of a verdict on a start, told in the person's own zone, or in that of the first host."""
    if verdict.person is not None:
        return EXPLAIN_PERSON[verdict.policy](verdict.person, verdict.passes, offer, start)
    return EXPLAIN_RULE[verdict.policy](verdict, offer, start, now)


def explain_link(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence about the link itself."""
    return "The link is open." if verdict.passes else LINK_REASONS[verdict.code or ""]


def explain_minimum_notice(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence about the minimum notice."""
    notice = describe_minutes(offer.meeting_type.properties.minimum_notice_minutes)
    if start < now:
        return "It has begun, or is over."
    rule = f"Meetings are booked at least {notice} ahead"
    return f"{rule}." if verdict.passes else f"{rule}, and it is only {describe_distance(start - now)} away."


def explain_booking_window(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence about the booking window."""
    days = offer.meeting_type.properties.booking_window_days
    rule = f"Meetings are booked at most {days} day{'' if days == 1 else 's'} ahead"
    return f"{rule}." if verdict.passes else f"{rule}, and it is {describe_distance(start - now)} away."


def explain_grid(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence about the grid, which the first host's hours make."""
    step = describe_minutes(int(offer.meeting_type.properties.rules.step / timedelta(minutes=1)))
    host = offer.hosts[0]
    if verdict.passes:
        return f"Meetings begin every {step}, counted from the beginning of {name_person(host)}’s hours."
    local = format_time(start, host)
    rule = f"Meetings begin every {step} from the beginning of {name_person(host)}’s hours"
    return f"{rule}, and {local} is no such time."


def explain_team(verdict: Verdict, offer: LinkOffer, start: datetime, now: datetime) -> str:
    """Returns the sentence about the team."""
    team = isolate_text(offer.team.properties.name) if offer.team else ""
    return f"Somebody of {team} is free." if verdict.passes else f"Nobody of {team} is free."


def explain_active(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about whether somebody is still here."""
    return f"{name_person(person)} takes meetings." if passes else f"{name_person(person)} is deactivated."


def explain_hours(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about somebody's hours on the day of the start."""
    day = start.astimezone(ZoneInfo(person.properties.time_zone)).date()
    hours = ", ".join(
        f"{format_of_day(begin)}–{format_of_day(end)}" for begin, end in list_hours_on(person.working_hours, day)
    )
    works = f"works {hours}" if hours else "does not work"
    sentence = f"{name_person(person)} {works} on {day:%a} {day.day} {day:%b} ({person.properties.time_zone})"
    if passes:
        return f"{sentence}."
    end = start + offer.meeting_type.properties.rules.duration
    return f"{sentence}, and the meeting would be from {format_time(start, person)} to {format_time(end, person)}."


def explain_absence(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about somebody's absences."""
    return f"{name_person(person)} is not away." if passes else f"{name_person(person)} is away."


def explain_holiday(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about somebody's public holidays, with the name of the day."""
    if passes:
        return f"{name_person(person)} has no public holiday."
    zone = ZoneInfo(person.properties.time_zone)
    end = start + offer.meeting_type.properties.rules.duration - timedelta(microseconds=1)
    days = {instant.astimezone(zone).date().isoformat() for instant in (start, end)}
    holidays = person.properties.holidays
    names = [title for day, title in (holidays.list_kept_days() if holidays else ()) if day in days]
    return f"{name_person(person)} has a public holiday{': ' + ', '.join(names) if names else ''}."


def explain_limit(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about the limits that hold for somebody."""
    limits = offer.list_limits_of(person)
    if not limits:
        return f"{name_person(person)} has no limit."
    parts = [
        f"{most} a {period}{' of this meeting type' if limit.meeting_type_id else ''}"
        for limit in limits
        for most, period in ((limit.limits.per_day, "day"), (limit.limits.per_week, "week"))
        if most is not None
    ]
    rule = f"{name_person(person)} takes at most {', '.join(parts)}"
    return f"{rule}." if passes else f"{rule}, and has that many."


def explain_time(person: Person, passes: bool, offer: LinkOffer, start: datetime) -> str:
    """Returns the sentence about whether somebody's time is taken."""
    return f"{name_person(person)} is free." if passes else f"{name_person(person)} is busy."


def name_person(person: Person) -> str:
    """Returns a person's name, isolated for a sentence."""
    return isolate_text(person.properties.name)


def format_time(instant: datetime, person: Person) -> str:
    """Returns an instant as the time of day in a person's zone."""
    return f"{instant.astimezone(ZoneInfo(person.properties.time_zone)):%H:%M}"


def format_of_day(since_midnight: timedelta) -> str:
    """Returns a distance from midnight as a time of day."""
    hours, minutes = divmod(int(since_midnight / timedelta(minutes=1)), 60)
    return f"{hours:02}:{minutes:02}"


def describe_distance(distance: timedelta) -> str:
    """Returns a distance to now in words, to the minute."""
    return describe_minutes(max(1, int(distance / timedelta(minutes=1))))


ExplainRule = Callable[[Verdict, LinkOffer, datetime, datetime], str]
ExplainPerson = Callable[[Person, bool, LinkOffer, datetime], str]
EXPLAIN_RULE: Mapping[str, ExplainRule] = {
    "link": explain_link,
    "minimum_notice": explain_minimum_notice,
    "booking_window": explain_booking_window,
    "grid": explain_grid,
    "team": explain_team,
}
EXPLAIN_PERSON: Mapping[str, ExplainPerson] = {
    "active": explain_active,
    "hours": explain_hours,
    "absence": explain_absence,
    "holiday": explain_holiday,
    "limit": explain_limit,
    "time": explain_time,
}
