"""The pages of the contract as the navigation lists them, each for the roles that may open it."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

EVERYBODY = frozenset({"member", "auditor", "analyst"})
LINK_ROLES = frozenset({"member", "auditor"})
OVERSEERS = frozenset({"manager", "auditor"})
ADMINS = frozenset({"admin"})
READERS_OF_HISTORY = frozenset({"auditor", "admin"})


@dataclass(frozen=True)
class Entry:
    """A page in the navigation."""

    path: str
    title: str
    icon: str
    roles: frozenset[str] = EVERYBODY


@dataclass(frozen=True)
class Section:
    """Entries that belong together."""

    title: str
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(
        "Links",
        (
            Entry("/links", "My Links", "link", LINK_ROLES),
            Entry("/links/library", "Links Library", "library", LINK_ROLES),
        ),
    ),
    Section(
        "Link Management",
        (
            Entry("/management/links", "All Links", "layers", OVERSEERS),
            Entry("/management/managed", "Managed Links", "users", OVERSEERS),
            Entry("/management/people", "Handing Over", "user", OVERSEERS),
        ),
    ),
    Section(
        "Meetings",
        (
            Entry("/meeting-log", "Meeting Logs", "calendar-check"),
            Entry("/usage", "Usage", "chart-column"),
        ),
    ),
    Section(
        "Administration",
        (
            Entry("/history", "History", "history", READERS_OF_HISTORY),
            Entry("/admin/people", "People", "shield", ADMINS),
            Entry("/admin/meeting-types", "Meeting types", "calendar-days", ADMINS),
            Entry("/admin/read-models", "Read models", "database", ADMINS),
        ),
    ),
)


def sections_for(roles: Set[str]) -> Iterator[Section]:
    """The sections that somebody with these roles sees; empty ones are left out."""
    for section in SECTIONS:
        entries = tuple(entry for entry in section.entries if entry.roles & roles)
        if entries:
            yield Section(section.title, entries)


def current(path: str) -> str | None:
    """The entry that a page belongs to: the longest one that its path begins with."""
    looked_at = "/links" if path == "/" else path
    paths = [entry.path for section in SECTIONS for entry in section.entries]
    return max((one for one in paths if f"{looked_at}/".startswith(f"{one}/")), key=len, default=None)
