"""What a person does with their calendars in tests, and what is known of them."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.api_driver import House, checked
from tests.integrations.calendars.feed_server import FeedServer, feed

PATIENCE = 30.0


def entry(start: str, uid: str = "1@elsewhere", minutes: int = 30, more: str = "") -> str:
    """An entry that begins at an instant of the API."""
    begin = datetime.fromisoformat(start)
    end = begin + timedelta(minutes=minutes)
    return f"UID:{uid}\nDTSTART:{begin:%Y%m%dT%H%M%SZ}\nDTEND:{end:%Y%m%dT%H%M%SZ}\nSUMMARY:Dentist\n{more}"


def adds(house: House, feeds: FeedServer, *entries: str, who: str = "member", path: str = "/julio.ics") -> Any:
    """A calendar with these entries, added by somebody."""
    feeds.feeds[path] = feed(*entries)
    return house.post("/v1/me/calendars", {"url": feeds.url(path)}, who, 201)


def refreshed(house: House, calendar: Any, who: str = "member") -> Any:
    """A calendar after it was looked at again."""
    return house.post(f"/v1/me/calendars/{calendar['id']}/refresh", None, who)


def calendars(house: House, who: str = "member") -> list[Any]:
    """Somebody's calendars."""
    return house.get("/v1/me/calendars", who)["items"]  # type: ignore[no-any-return]


def rows(house: House, query: str) -> list[Any]:
    """Rows of the database."""
    return house.oncelink.database.rows(query)


def events(house: House, type: str = "CalendarConflictFound.v1") -> list[Any]:
    """The events of a type that are about the house's own people, oldest first."""
    found = rows(house, "SELECT stream_id, type, data FROM {schema}.events ORDER BY position")
    own = (house.ids["member"], house.ids["engineer"])
    return [row for row in found if row["type"] == type and row["data"]["host_id"] in own]


def moves(house: House, booking_id: str, start: str, expect: int = 200) -> Any:
    """A booking moved by its host."""
    return checked(house.send("POST", f"/v1/bookings/{booking_id}/reschedule", {"start": start}, "member"), expect)


def eventually(found: Callable[[], Any]) -> Any:
    """What becomes true in the background, in time."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := found()):
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)
    return seen
