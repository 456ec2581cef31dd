"""The navigation: sections of pages, each page with the roles that may open it."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

EVERYBODY = frozenset({"member", "auditor", "analyst"})
LINK_ROLES = frozenset({"member", "auditor"})
OVERSIGHT_ROLES = frozenset({"manager", "auditor"})
ADMIN_ROLES = frozenset({"admin"})
MANAGER_ROLES = frozenset({"manager"})
HISTORY_ROLES = frozenset({"auditor", "admin"})


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
            Entry("/single-use", "My Single-Use Links", "ticket", LINK_ROLES),
            Entry("/links/library", "Links Library", "library", LINK_ROLES),
            Entry("/teams", "Teams", "users", LINK_ROLES),
        ),
    ),
    Section(
        "Link Management",
        (
            Entry("/management/links", "All Links", "layers", OVERSIGHT_ROLES),
            Entry("/management/managed", "Managed Links", "users", OVERSIGHT_ROLES),
            Entry("/management/people", "Handing Over", "user", OVERSIGHT_ROLES),
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
            Entry("/history", "History", "history", HISTORY_ROLES),
            Entry("/access-log", "Access log", "eye", HISTORY_ROLES),
            Entry("/admin/people", "People", "shield", ADMIN_ROLES),
            Entry("/admin/keys", "API keys", "key-round", ADMIN_ROLES),
            Entry("/admin/meeting-types", "Meeting types", "calendar-days", ADMIN_ROLES),
            Entry("/admin/webhooks", "Webhooks", "external-link", MANAGER_ROLES),
            Entry("/admin/organisation", "Organisation", "globe", ADMIN_ROLES),
            Entry("/admin/mail", "Mail", "mail", ADMIN_ROLES),
            Entry("/admin/read-models", "Read models", "database", ADMIN_ROLES),
        ),
    ),
)


def list_sections(roles: Set[str]) -> Iterator[Section]:
    """Yield the sections that these roles may see, without empty ones."""
    for section in SECTIONS:
        entries = tuple(entry for entry in section.entries if entry.roles & roles)
        if entries:
            yield Section(section.title, entries)


def find_current_path(path: str) -> str | None:
    """Return the path of the entry that a page belongs to: the longest one that is a prefix of its path."""
    page_path = "/links" if path == "/" else path
    paths = [entry.path for section in SECTIONS for entry in section.entries]
    return max(
        (entry_path for entry_path in paths if f"{page_path}/".startswith(f"{entry_path}/")), key=len, default=None
    )
