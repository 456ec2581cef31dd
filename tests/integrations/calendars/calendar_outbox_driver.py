"""Hosts whose meetings are written to a CalDAV server, and what their calendars must show by the log."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from icalendar import Calendar

from api import clock
from domain.notifications.outbox import sequence
from domain.token import Token
from integrations.calendars.calendar_worker import CalendarCourier
from integrations.outbox_worker import Pace
from tests.api_driver import House
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer

Shown = dict[str, tuple[datetime, datetime, int]]
HOSTS = ("member", "engineer", "manager")


@dataclass
class Desk:
    """A house, its hosts' calendars, and a courier at hand, whose clock `ahead` moves."""

    house: House
    radicale: CalDavServer
    ahead: timedelta = timedelta()
    calendars: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def connect(self, who: str) -> None:
        """Somebody has their meetings written to a new calendar of theirs."""
        url = self.radicale.make_calendar(who, who)
        login = {"user": USER, "password": PASSWORD, "calendars": [url], "write_to": url}
        body = {"kind": "caldav", "url": self.radicale.url, **login}
        self.ids[who] = self.house.post("/v1/me/calendars", body, who, 201)["id"]
        self.calendars[who] = url

    def now(self) -> datetime:
        """The courier's time."""
        return clock.now() + self.ahead

    def keep(self, courier: CalendarCourier | None = None) -> None:
        """Everything that is due is written, or fails."""
        courier = courier or CalendarCourier(self.house.oncelink, Pace())
        self.house.log()
        while courier.keep_one():
            courier._done.clear()
            self.house.log()

    def shows(self, who: str) -> Shown:
        """What a host's calendar has, by the ids of the meetings; every entry counts."""
        found: list[tuple[str, tuple[datetime, datetime, int]]] = []
        for name, text in self.radicale.stored(self.calendars[who]).items():
            for event in Calendar.from_ical(text).walk("VEVENT"):
                times = (event["dtstart"].dt, event["dtend"].dt, int(event["sequence"]))
                assert name == f"{event['uid']}.ics"
                found.append((str(event["uid"]).removesuffix("@oncelink"), times))
        assert len(dict(found)) == len(found), "twice"
        return dict(found)

    def wants(self, who: str, bookings: Iterable[str]) -> Shown:
        """What it has to have, by the log alone."""
        found: Shown = {}
        for token in self.house.oncelink.scheduling.load(map(UUID, bookings)).values():
            assert isinstance(token, Token)
            if not token.cancelled and UUID(self.house.ids[who]) in token.host_ids and token.meeting:
                times = (token.meeting.starts_at, token.meeting.ends_at)
                found[str(token.id)] = (*times, sequence(iter(token.outbox.causes)))
        return found

    def differences(self, bookings: Iterable[str]) -> dict[str, Any]:
        """Where a calendar differs from the log: what is missing, or too much, or otherwise."""
        known = list(bookings)
        pairs = {who: (self.shows(who), self.wants(who, known)) for who in self.calendars}
        return {who: pair for who, pair in pairs.items() if pair[0] != pair[1]}
