"""Somebody whose time is free around the clock, on a live server: links, codes and what was booked on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from api.cli.people import add_person, make_api_key
from tests.api_driver import ALWAYS, House
from tests.browser.browsing import Live

ABOUT = {
    "name": "Intro call",
    "duration_minutes": 30,
    "booking_window_days": 400,
    "location": "https://meet.example/room",
    "description": "What you need,\nand whether we are the answer.",
}


@contextmanager
def hosting(live: Live) -> Iterator[House]:
    """A new host, who is an admin too, with a meeting type of their own."""
    with httpx2.Client(base_url=live.base_url, timeout=30) as client:
        house, email = House(client), f"host-{uuid4().hex[:8]}@nexora.example"  # type: ignore[arg-type]
        house.ids["member"] = str(add_person(live.oncelink, email, ["member", "admin"], "Ada Always", "UTC"))
        house.keys["member"] = make_api_key(live.oncelink, email, "tests")
        house.patch("/v1/me", {"weekly_hours": ALWAYS}, "member")
        house.ids["type"] = house.post("/v1/meeting-types", ABOUT, "member", 201)["id"]
        yield house


def booked(house: House, live: Live, link: Any) -> list[Any]:
    """What the log says was booked on a link, as current as the log itself."""
    head = live.oncelink.database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
    path = f"/v1/meeting-log?link_id={link['id']}"
    return house.send("GET", path, None, "member", Oncelink_Min_Position=str(head)).json()["items"]  # type: ignore[no-any-return]


def in_days(days: int) -> str:
    """A day from now, in UTC."""
    return str((datetime.now(UTC) + timedelta(days=days)).date())


def clock_changes() -> tuple[str, str]:
    """The next days on which the clocks of the European Union go forward and back: last Sundays of March, October."""
    days = [datetime.now(UTC).date() + timedelta(days=number) for number in range(2, 391)]
    sundays = [day for day in days if day.weekday() == 6 and day.day > 24]
    forward, back = (str(next(day for day in sundays if day.month == month)) for month in (3, 10))
    return forward, back
