"""Choices in forms of links: meeting types, people, and a free slug."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.field_types import SLUG
from api.services import Services
from domain.refusals import SlugTaken
from projections import meeting_types, people, teams
from projections.teams import TeamRow

MAX_MEETING_TYPES = 60
SEARCH_THRESHOLD = 7  # with fewer meeting types there is no need for a search
MAX_PEOPLE = 24
MAX_TEAMS = 200
SLUG_TAKEN_MESSAGE = "Another link already has this slug."


@dataclass(frozen=True)
class Choices:
    """Items to choose from. `more`: a search would find others. `searchable`: the form has a search field."""

    items: list[Any]
    more: bool
    searchable: bool


@dataclass(frozen=True)
class SlugCheck:
    """Whether a slug is free. `kind`: own, free, taken, wrong or made; `suggestion`: a slug that is free."""

    kind: str
    sentence: str
    suggestion: str | None = None


def find_meeting_type_choices(services: Services, search: str | None, selected_id: UUID | None) -> Choices:
    """Return meeting types by name; the selected one is always included."""
    page = meeting_types.list_meeting_types(services.live_source, search, "name", MAX_MEETING_TYPES)
    items = list(page.items)
    if selected_id is not None and selected_id not in [row["id"] for row in items]:
        selected = meeting_types.find_meeting_type(services.live_source, selected_id)
        items = [selected, *items] if selected else items
    searchable = bool(search or page.next_cursor or len(items) >= SEARCH_THRESHOLD)
    return Choices(items, page.next_cursor is not None, searchable)


def find_team_choices(services: Services, selected_id: UUID | None) -> list[TeamRow]:
    """Return teams by name; the selected one is always included, even when it was deleted meanwhile."""
    items = teams.list_teams(services.live_source, None, "name", MAX_TEAMS).items
    is_missing = selected_id is not None and selected_id not in [row["id"] for row in items]
    return [*(teams.find_teams(services.live_source, [selected_id]) if selected_id and is_missing else ()), *items]


def find_people_choices(
    services: Services, search: str | None, selected_ids: Sequence[UUID], excluded_ids: Collection[UUID] = ()
) -> Choices:
    """Return people by name, the selected ones first. Others are included only if they can host: active members."""
    limit = MAX_PEOPLE + len(selected_ids) + len(excluded_ids)
    page = people.list_people(services.live_source, search, "name", limit, hosts_only=True)
    selected = people.find_people(services.live_source, list(selected_ids))
    others = [person for person in page.items if person["id"] not in selected_ids and person["id"] not in excluded_ids]
    more = page.next_cursor is not None or len(others) > MAX_PEOPLE
    return Choices([*selected, *others[:MAX_PEOPLE]], more, bool(search) or more or len(others) + len(selected) > 8)


def check_slug(services: Services, slug: str, name: str, own_id: UUID | None = None) -> SlugCheck | None:
    """Check whether a slug is free, or suggest one made from the name. Return None if there is nothing to check."""
    if not slug:
        return (
            SlugCheck("made", "", services.links.choose_slug(None, name[:200])) if name.strip() and not own_id else None
        )
    if not SLUG.fullmatch(slug):
        return SlugCheck("wrong", "Use 1 to 40 of a–z, 0–9 and hyphens.")
    try:
        services.links.choose_slug(slug, name, own_id)
    except SlugTaken:
        return SlugCheck("taken", SLUG_TAKEN_MESSAGE, services.links.find_free_slug(slug))
    return SlugCheck("own" if own_id and services.reader.find_claims("slug", [slug]) else "free", "This slug is free.")


def add_suggestion(services: Services, errors: dict[str, str], slug: str) -> dict[str, str]:
    """Return a form's errors, with a free slug named in the error of a slug that is taken."""
    if errors.get("slug") != SLUG_TAKEN_MESSAGE or not SLUG.fullmatch(slug):
        return errors
    return {**errors, "slug": f"{SLUG_TAKEN_MESSAGE} “{services.links.find_free_slug(slug)}” is free."}
