"""Whether guests find any time at a link within 30 days; if not, why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from api.services import Services
from domain.availability.hours import Interval
from domain.durations import describe_minutes
from domain.offer import LinkOffer
from domain.text_direction import isolate_text

LOOK_AHEAD_DAYS = 30
FIRST_LOOK = timedelta(days=2)  # most links have a free time within it, so that the rest is not computed


def explain_missing_time(services: Services, link_id: UUID, now: datetime) -> str | None:
    """Explain in a sentence why guests find no time at an active link within 30 days; None if they find one."""
    reason = find_missing_time(services, link_id, now)
    return f"Guests find no free time here in the next {LOOK_AHEAD_DAYS} days: {reason}" if reason else None


def find_missing_time(services: Services, link_id: UUID, now: datetime, fresh: bool = True) -> str | None:
    """Find why guests find no time at an active link within 30 days; None if they find one.

    Unless `fresh`, the link and what it depends on are those of the cache.
    """
    offer = services.scheduling.load_offer(link_id, fresh)
    if offer.link.get_status(now) != "active" or has_free_time(services, offer, now):
        return None
    return find_reason(offer, now)


def has_free_time(services: Services, offer: LinkOffer, now: datetime) -> bool:
    """Whether any time is on offer within 30 days."""
    if not offer.has_active_hosts:
        return False
    return any(services.scheduling.list_runs(offer, within, now) for within in iterate_intervals(now))


def find_reason(offer: LinkOffer, now: datetime) -> str:
    """Find why nothing is on offer: who left, what the meeting type rules out, whose hours, or what is taken."""
    properties = offer.meeting_type.properties
    if offer.team is not None and not any(member.active for member in offer.members):
        return f"nobody of the team {isolate_text(offer.team.properties.name)} can take a meeting."
    if departed := [host.properties.name for host in offer.hosts if not host.active]:
        return f"{isolate_text(departed[0])} is deactivated."
    if properties.is_never_offered:
        return f"its meeting type {properties.explain_never_offered()}"
    if properties.minimum_notice_minutes >= timedelta(days=LOOK_AHEAD_DAYS) / timedelta(minutes=1):
        return f"its meeting type asks for a notice of {describe_minutes(properties.minimum_notice_minutes)}."
    if any(offer.list_runs(within, (), now) for within in iterate_intervals(now)):
        return "everything is taken, in meetings or calendars."
    duration = describe_minutes(properties.duration_minutes)
    if len(offer.hosts) == 1:
        return f"the host's hours have no room for {duration}."
    return f"the hosts have no hours in common with room for {duration}."


def iterate_intervals(now: datetime) -> Iterator[Interval]:
    """Yield the next 30 days in two parts, the first days first."""
    end = now + timedelta(days=LOOK_AHEAD_DAYS)
    yield Interval(now, now + FIRST_LOOK)
    yield Interval(now + FIRST_LOOK, end)
