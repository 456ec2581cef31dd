"""Addresses that open a meeting in the calendar of a provider: Google, Outlook.com, Microsoft 365."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from integrations.calendar_entry import CalendarEntry

GOOGLE = "https://calendar.google.com/calendar/render"
OUTLOOK = "https://outlook.live.com/calendar/0/deeplink/compose"
MICROSOFT_365 = "https://outlook.office.com/calendar/0/deeplink/compose"
MAX_DESCRIPTION_LENGTH = 800  # browsers and proxies cut long addresses


def build_calendar_links(entry: CalendarEntry) -> dict[str, str]:
    """Return the address for each provider, by its name."""
    return {
        "Google Calendar": build_google_link(entry),
        "Outlook.com": build_outlook_link(OUTLOOK, entry),
        "Microsoft 365": build_outlook_link(MICROSOFT_365, entry),
    }


def build_google_link(entry: CalendarEntry) -> str:
    """Return the address of Google's form for a new event; `dates` are UTC, as RFC 5545 writes them."""
    query = {
        "action": "TEMPLATE",
        "text": entry.title,
        "dates": f"{format_basic(entry.start)}/{format_basic(entry.end)}",
        "details": shorten_description(entry),
        "location": entry.location or "",
    }
    return f"{GOOGLE}?{urlencode({name: value for name, value in query.items() if value})}"


def build_outlook_link(base: str, entry: CalendarEntry) -> str:
    """Return the address of Outlook's form for a new event; its instants are UTC, as RFC 3339 writes them."""
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": entry.title,
        "startdt": format_extended(entry.start),
        "enddt": format_extended(entry.end),
        "body": shorten_description(entry),
        "location": entry.location or "",
    }
    return f"{base}?{urlencode({name: value for name, value in query.items() if value})}"


def shorten_description(entry: CalendarEntry) -> str:
    """Return the description, shortened so that the last paragraph, the way back to the meeting, is whole."""
    description, _, way_back = entry.description.rpartition("\n\n")
    if len(description) > MAX_DESCRIPTION_LENGTH:
        description = f"{description[:MAX_DESCRIPTION_LENGTH]}…"
    return f"{description}\n\n{way_back}" if description else way_back


def format_basic(instant: datetime) -> str:
    """Return an instant as `20261126T090000Z`."""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def format_extended(instant: datetime) -> str:
    """Return an instant as `2026-11-26T09:00:00Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
