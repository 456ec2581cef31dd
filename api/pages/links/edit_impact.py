"""Describes what an edit of a link affects: unused single-use links follow at once, booked meetings stay."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from api.pages.links.change_summary import ValueFormatter
from projections.links import Impact

Properties = Mapping[str, Any]


def format_count(count: int, singular: str, plural: str | None = None) -> str:
    """Return `1 link`, `37 links`."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def format_unused_links(count: int) -> str:
    """Return the count of a link's unused single-use links, as the beginning of a sentence."""
    return format_count(count, "unused single-use link")


def describe_link_effects(
    before: Properties, after: Properties, impact: Impact, formatter: ValueFormatter, now: datetime
) -> Iterator[str]:
    """Yield a sentence for each effect of changing a link's properties."""
    changed_fields = {field for field in after if before[field] != after[field]}
    count, upcoming = impact["active_single_use"], impact["booked_upcoming"]
    if count:
        for field, describe in FIELD_EFFECTS.items():
            if field in changed_fields:
                yield f"{format_unused_links(count)} {describe(after[field], formatter, now)}."
    if "slug" in changed_fields:
        address_note = (
            f" {format_unused_links(count)} {'keeps its address' if count == 1 else 'keep their addresses'}."
            if count
            else ""
        )
        yield f"/book/{before['slug']} stops working, and anybody may take that slug.{address_note}"
    if "single_use_only" in changed_fields:
        yield describe_new_use(after, before["slug"])
    if "in_library" in changed_fields:
        yield (
            "Everybody here can copy it, and make single-use links of it."
            if after["in_library"]
            else "Only its owner and managers can copy it from now on. Single-use links that others made of it stay."
        )
    if upcoming and changed_fields & {"meeting_type_id", "co_host_ids", "team_id"}:
        yield describe_kept_meetings(upcoming)


def describe_kept_meetings(upcoming: int) -> str:
    """Return what happens to booked meetings."""
    verb = "stays" if upcoming == 1 else "stay"
    return f"{format_count(upcoming, 'booked meeting')} still to come {verb} as booked."


def describe_new_type(value: Any, formatter: ValueFormatter, now: datetime) -> str:
    """Return what follows from another meeting type."""
    return f"will show the new meeting type {formatter.format_value(value)}"


def describe_new_co_hosts(value: Any, formatter: ValueFormatter, now: datetime) -> str:
    """Return what follows from other co-hosts."""
    return (
        f"will offer times when {formatter.format_value(value)} can come too" if value else "will book its host alone"
    )


def describe_new_team(value: Any, formatter: ValueFormatter, now: datetime) -> str:
    """Return what follows from another team."""
    return f"will also book one free member of {formatter.format_value(value)}" if value else "will book no team member"


def describe_new_expiry(value: Any, formatter: ValueFormatter, now: datetime) -> str:
    """Return what follows from another expiry."""
    if value is None:
        return "will no longer expire"
    return (
        "will expire at once, as this time is past" if value <= now else f"will expire {formatter.format_value(value)}"
    )


def describe_new_use(after: Properties, slug: str) -> str:
    """Return what becomes of the core link's own address."""
    if after["single_use_only"]:
        return f"Guests at /book/{slug} can no longer book there; single-use links still do."
    return f"Guests at /book/{after['slug']} can book there again, any number of times."


def describe_new_lifetime(value: Any, formatter: ValueFormatter, now: datetime) -> str:
    """Return what follows from another lifetime."""
    if value is None:
        return "will no longer expire by their age"
    return f"will expire {formatter.format_value(value)} after they were issued: those that are older, at once"


FIELD_EFFECTS: Mapping[str, Callable[[Any, ValueFormatter, datetime], str]] = {
    "meeting_type_id": describe_new_type,
    "co_host_ids": describe_new_co_hosts,
    "team_id": describe_new_team,
    "expires_at": describe_new_expiry,
    "default_lifetime_days": describe_new_lifetime,
}


def describe_managed_link_effects(
    before: Properties, after: Properties, impacts: Mapping[Any, Impact], formatter: ValueFormatter, now: datetime
) -> Iterator[str]:
    """Yield a sentence for each effect of changing a managed link; `impacts` are those of its links, by host."""
    remaining_hosts = [host for host in before["host_ids"] if host in after["host_ids"]]
    count = sum(impacts[host]["active_single_use"] for host in remaining_hosts if host in impacts)
    for field, describe in FIELD_EFFECTS.items():
        if count and field in after and before[field] != after[field]:
            yield f"{format_unused_links(count)} {describe(after[field], formatter, now)}."
    for host in before["host_ids"]:
        if host not in after["host_ids"]:
            yield describe_removed_host(formatter.get_name(host), impacts.get(host))
    if new_ids := [host for host in after["host_ids"] if host not in before["host_ids"]]:
        yield f"{formatter.format_value(new_ids)} {'gets a link' if len(new_ids) == 1 else 'get links'} of their own."
    if before["single_use_only"] != after["single_use_only"]:
        yield f"Guests can {'no longer' if after['single_use_only'] else 'again'} book at the hosts' own links."
    if before["slug"] != after["slug"]:
        yield "Links that hosts have keep their addresses; those of new hosts begin with the new slug."
    upcoming = sum(impacts[host]["booked_upcoming"] for host in remaining_hosts if host in impacts)
    if upcoming and any(before[field] != after[field] for field in ("meeting_type_id", "team_id")):
        yield describe_kept_meetings(upcoming)


def describe_removed_host(name: str, impact: Impact | None) -> str:
    """Return what happens to the link of a host who is removed."""
    sentence = f"The link of {name} is deleted for good"
    if impact and impact["active_single_use"]:
        verb = "stops" if impact["active_single_use"] == 1 else "stop"
        sentence += f": {format_unused_links(impact['active_single_use'])} of it {verb} working"
    sentence += "."
    return (
        f"{sentence} {describe_kept_meetings(impact['booked_upcoming'])}"
        if impact and impact["booked_upcoming"]
        else sentence
    )
