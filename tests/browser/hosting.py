"""Somebody whose time is free around the clock, on a live server: links, codes and what was booked on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from api.cli.people import add_person, make_api_key
from tests.api_driver import ALWAYS, ApiDriver
from tests.browser.browsing import LiveServer

HOST_SETTINGS = {
    "name": "Intro call",
    "duration_minutes": 30,
    "booking_window_days": 400,
    "location": "https://meet.example/room",
    "description": "What you need,\nand whether we are the answer.",
}


@contextmanager
def add_host(live: LiveServer) -> Iterator[ApiDriver]:
    """Add a host, who is an admin too, with their own meeting type."""
    with httpx2.Client(base_url=live.base_url, timeout=30) as client:
        api, email = ApiDriver(client), f"host-{uuid4().hex[:8]}@nexora.example"  # type: ignore[arg-type]
        api.ids["member"] = str(add_person(live.services, email, ["member", "admin"], "Ada Always", "UTC"))
        api.keys["member"] = make_api_key(live.services, email, "tests")
        api.patch("/v1/me", {"weekly_hours": ALWAYS}, "member")
        api.ids["type"] = api.post("/v1/meeting-types", HOST_SETTINGS, "member", 201)["id"]
        yield api


def list_booked_meetings(api: ApiDriver, live: LiveServer, link: Any) -> list[Any]:
    """List the meetings that the event log has for a link."""
    head = live.services.database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
    path = f"/v1/meeting-log?link_id={link['id']}"
    return api.send_request("GET", path, None, "member", Oncelink_Min_Position=str(head)).json()["items"]  # type: ignore[no-any-return]


def format_future_day(days: int) -> str:
    """Format the UTC date that is this many days from now."""
    return str((datetime.now(UTC) + timedelta(days=days)).date())


def find_clock_changes() -> tuple[str, str]:
    """Return the next dates when the clocks of the European Union go forward and back."""
    days = [datetime.now(UTC).date() + timedelta(days=number) for number in range(2, 391)]
    sundays = [day for day in days if day.weekday() == 6 and day.day > 24]
    forward, backward = (str(next(day for day in sundays if day.month == month)) for month in (3, 10))
    return forward, backward
