"""What forms of links offer to choose from: meeting types, people, and a slug that is free."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.field_types import SLUG
from api.services import Oncelink
from domain.refusals import SlugTaken
from projections import meeting_types, people

TYPES_SHOWN = 60
SEARCHED_FROM = 7  # with fewer meeting types there is no need for a search
PEOPLE_SHOWN = 24
TAKEN = "Another link already has this slug."


@dataclass(frozen=True)
class Choices:
    """Things to choose from; `more` says that a search would find others, `searched` that there is one."""

    items: list[Any]
    more: bool
    searched: bool


@dataclass(frozen=True)
class SlugCheck:
    """Whether a slug can be had; `suggestion` is one that can."""

    kind: str
    sentence: str
    suggestion: str | None = None


def meeting_types_to_choose(parts: Oncelink, words: str | None, chosen: UUID | None) -> Choices:
    """Meeting types by name, the chosen one in any case."""
    found = meeting_types.page(parts.live, words, "name", TYPES_SHOWN)
    items = list(found.items)
    if chosen is not None and chosen not in [one["id"] for one in items]:
        one = meeting_types.one(parts.live, chosen)
        items = [one, *items] if one else items
    searched = bool(words or found.next_cursor or len(items) >= SEARCHED_FROM)
    return Choices(items, found.next_cursor is not None, searched)


def people_to_choose(
    parts: Oncelink, words: str | None, chosen: Sequence[UUID], never: Collection[UUID] = ()
) -> Choices:
    """People by name, the chosen ones first; only active ones can be chosen anew."""
    found = people.page(parts.live, words, "name", PEOPLE_SHOWN + len(chosen) + len(never))
    first = people.many(parts.live, list(chosen))
    others = [one for one in found.items if one["active"] and one["id"] not in chosen and one["id"] not in never]
    more = found.next_cursor is not None or len(others) > PEOPLE_SHOWN
    return Choices([*first, *others[:PEOPLE_SHOWN]], more, bool(words) or more or len(others) + len(first) > 8)


def slug_check(parts: Oncelink, slug: str, name: str, own: UUID | None = None) -> SlugCheck | None:
    """Whether a slug is free, or which one would be made from the name; nothing where nothing is typed."""
    if not slug:
        return SlugCheck("made", "", parts.publishing.free_slug(None, name[:200])) if name.strip() and not own else None
    if not SLUG.fullmatch(slug):
        return SlugCheck("wrong", "Use 1 to 40 of a–z, 0–9 and hyphens.")
    try:
        parts.publishing.free_slug(slug, name, own)
    except SlugTaken:
        return SlugCheck("taken", TAKEN, parts.publishing.free_name(slug))
    return SlugCheck("own" if own and parts.reader.claimed("slug", [slug]) else "free", "This slug is free.")


def with_suggestion(parts: Oncelink, errors: dict[str, str], slug: str) -> dict[str, str]:
    """Errors of a form, the one of a slug that somebody has with one that is free."""
    if errors.get("slug") != TAKEN or not SLUG.fullmatch(slug):
        return errors
    return {**errors, "slug": f"{TAKEN} “{parts.publishing.free_name(slug)}” is free."}
