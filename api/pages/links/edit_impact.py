"""What an edit of a link touches, in sentences: unused single-use links follow at once, booked meetings stay."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from api.pages.links.change_summary import Wording
from projections.links import Impact

Properties = Mapping[str, Any]


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 link`, `37 links`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def unused(number: int) -> str:
    """The unused single-use links of a link, as the beginning of a sentence."""
    return counted(number, "unused single-use link")


def link_touched(
    before: Properties, after: Properties, impact: Impact, wording: Wording, now: datetime
) -> Iterator[str]:
    """What changing a link from these properties to those touches."""
    changed = {field for field in after if before[field] != after[field]}
    number, upcoming = impact["active_single_use"], impact["booked_upcoming"]
    if number:
        for field, tell in FOLLOWING.items():
            if field in changed:
                yield f"{unused(number)} {tell(after[field], wording, now)}."
    if "slug" in changed:
        kept = f" {unused(number)} {'keeps its address' if number == 1 else 'keep their addresses'}." if number else ""
        yield f"/book/{before['slug']} stops working, and anybody may take that slug.{kept}"
    if "in_library" in changed:
        yield (
            "Everybody here can copy it, and make single-use links of it."
            if after["in_library"]
            else "Only its owner and managers can copy it from now on. Single-use links that others made of it stay."
        )
    if upcoming and changed & {"meeting_type_id", "co_host_ids"}:
        yield stays(upcoming)


def stays(upcoming: int) -> str:
    """What happens to meetings that are booked."""
    verb = "stays" if upcoming == 1 else "stay"
    return f"{counted(upcoming, 'booked meeting')} still to come {verb} as booked."


def new_type(value: Any, wording: Wording, now: datetime) -> str:
    """What follows from another meeting type."""
    return f"will show the new meeting type {wording.words(value)}"


def new_co_hosts(value: Any, wording: Wording, now: datetime) -> str:
    """What follows from other co-hosts."""
    return f"will offer times when {wording.words(value)} can come too" if value else "will book its host alone"


def new_expiry(value: Any, wording: Wording, now: datetime) -> str:
    """What follows from another expiry."""
    if value is None:
        return "will no longer expire"
    return "will expire at once, as this time is past" if value <= now else f"will expire {wording.words(value)}"


FOLLOWING: Mapping[str, Callable[[Any, Wording, datetime], str]] = {
    "meeting_type_id": new_type,
    "co_host_ids": new_co_hosts,
    "expires_at": new_expiry,
}


def managed_link_touched(
    before: Properties, after: Properties, impacts: Mapping[Any, Impact], wording: Wording, now: datetime
) -> Iterator[str]:
    """What changing a managed link touches; `impacts` are those of its hosts' links, by host."""
    kept = [host for host in before["host_ids"] if host in after["host_ids"]]
    number = sum(impacts[host]["active_single_use"] for host in kept if host in impacts)
    for field, tell in FOLLOWING.items():
        if number and field in after and before[field] != after[field]:
            yield f"{unused(number)} {tell(after[field], wording, now)}."
    for host in before["host_ids"]:
        if host not in after["host_ids"]:
            yield taken_off(wording.name(host), impacts.get(host))
    if added := [host for host in after["host_ids"] if host not in before["host_ids"]]:
        yield f"{wording.words(added)} {'gets a link' if len(added) == 1 else 'get links'} of their own."
    if before["slug"] != after["slug"]:
        yield "Links that hosts have keep their addresses; those of new hosts begin with the new slug."
    upcoming = sum(impacts[host]["booked_upcoming"] for host in kept if host in impacts)
    if upcoming and before["meeting_type_id"] != after["meeting_type_id"]:
        yield stays(upcoming)


def taken_off(name: str, impact: Impact | None) -> str:
    """What taking a host off touches."""
    sentence = f"The link of {name} is deleted for good"
    if impact and impact["active_single_use"]:
        verb = "stops" if impact["active_single_use"] == 1 else "stop"
        sentence += f": {unused(impact['active_single_use'])} of it {verb} working"
    sentence += "."
    return f"{sentence} {stays(impact['booked_upcoming'])}" if impact and impact["booked_upcoming"] else sentence
