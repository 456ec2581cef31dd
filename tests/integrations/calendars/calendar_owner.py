"""Helpers for tests of busy calendars: entries, feeds and the calendars of one owner."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.api_driver import ApiDriver, read_body
from tests.integrations.calendars.feed_server import FeedServer, build_feed

TIMEOUT_SECONDS = 30.0


def build_entry(start: str, uid: str = "1@elsewhere", minutes: int = 30, extra_lines: str = "") -> str:
    """Build the lines of an event that begins at an instant of the API."""
    start_time = datetime.fromisoformat(start)
    end = start_time + timedelta(minutes=minutes)
    return f"UID:{uid}\nDTSTART:{start_time:%Y%m%dT%H%M%SZ}\nDTEND:{end:%Y%m%dT%H%M%SZ}\nSUMMARY:Dentist\n{extra_lines}"


def add_calendar(
    api: ApiDriver, feeds: FeedServer, *entries: str, who: str = "member", path: str = "/julio.ics"
) -> Any:
    """Publish a feed with these events and add its calendar for a person."""
    feeds.feeds[path] = build_feed(*entries)
    return api.post("/v1/me/calendars", {"url": feeds.build_url(path)}, who, 201)


def refresh_calendar(api: ApiDriver, calendar: Any, who: str = "member") -> Any:
    """Fetch a calendar's feed again and return the calendar."""
    return api.post(f"/v1/me/calendars/{calendar['id']}/refresh", None, who)


def list_calendars(api: ApiDriver, who: str = "member") -> list[Any]:
    """List a person's calendars."""
    return api.get("/v1/me/calendars", who)["items"]  # type: ignore[no-any-return]


def fetch_rows(api: ApiDriver, query: str) -> list[Any]:
    """Fetch rows of the database."""
    return api.services.database.fetch_rows(query)


def list_events(api: ApiDriver, type: str = "CalendarConflictFound.v1") -> list[Any]:
    """List the events of a type about the two hosts, oldest first."""
    event_rows = fetch_rows(api, "SELECT stream_id, type, data FROM {schema}.events ORDER BY position")
    own_hosts = (api.ids["member"], api.ids["engineer"])
    return [row for row in event_rows if row["type"] == type and row["data"]["host_id"] in own_hosts]


def reschedule_meeting(api: ApiDriver, booking_id: str, start: str, expect: int = 200) -> Any:
    """Reschedule a booking as its host."""
    return read_body(
        api.send_request("POST", f"/v1/bookings/{booking_id}/reschedule", {"start": start}, "member"), expect
    )


def wait_for(fetch_value: Callable[[], Any]) -> Any:
    """Wait until `fetch_value` returns something true, and return it."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (value := fetch_value()):
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)
    return value
