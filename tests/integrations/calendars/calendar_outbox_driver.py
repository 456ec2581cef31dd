"""Driver of the calendar outbox: hosts with calendars on a CalDAV server, and what these must contain."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from icalendar import Calendar

from api.composition.outbox import build_calendar_delivery, build_outbox_context
from domain.notifications.outbox import compute_sequence
from domain.token import Token
from integrations.delivery import Delivery
from integrations.outbox_worker import OutboxWorker
from tests.api_driver import ApiDriver
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer
from tests.movable_clock import MovableClock

CalendarContent = dict[str, tuple[datetime, datetime, int]]
HOSTS = ("member", "engineer", "manager")


@dataclass
class CalendarOutboxDriver:
    """A service, its hosts' calendars, and the clock of their outbox worker."""

    api: ApiDriver
    radicale: CalDavServer
    clock: MovableClock = field(default_factory=MovableClock)
    calendars: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def connect_calendar(self, who: str) -> None:
        """Create a calendar for a person and have their meetings written to it."""
        url = self.radicale.make_calendar(who, who)
        login = {"user": USER, "password": PASSWORD, "calendars": [url], "write_to": url}
        body = {"kind": "caldav", "url": self.radicale.url, **login}
        self.ids[who] = self.api.post("/v1/me/calendars", body, who, 201)["id"]
        self.calendars[who] = url

    def deliver_all(self, delivery: Delivery | None = None) -> None:
        """Write every due entry, or fail."""
        context = replace(build_outbox_context(self.api.services), clock=self.clock)
        worker = OutboxWorker(context, delivery or build_calendar_delivery(self.api.services))
        self.api.list_meetings()
        while worker.deliver_next():
            worker.forget_releases()
            self.api.list_meetings()

    def read_calendar(self, who: str) -> CalendarContent:
        """Read the times and sequence of each meeting in a host's calendar, by booking id."""
        entries: list[tuple[str, tuple[datetime, datetime, int]]] = []
        for name, text in self.radicale.read_entries(self.calendars[who]).items():
            for event in Calendar.from_ical(text).walk("VEVENT"):
                times = (event["dtstart"].dt, event["dtend"].dt, int(event["sequence"]))
                assert name == f"{event['uid']}.ics"
                entries.append((str(event["uid"]).removesuffix("@oncelink"), times))
        assert len(dict(entries)) == len(entries), "twice"
        return dict(entries)

    def derive_expected_calendar(self, who: str, bookings: Iterable[str]) -> CalendarContent:
        """Derive from the event log what the calendar must contain."""
        expected: CalendarContent = {}
        for token in self.api.services.scheduling.load_aggregates(map(UUID, bookings)).values():
            assert isinstance(token, Token)
            if not token.cancelled and UUID(self.api.ids[who]) in token.host_ids and token.meeting:
                times = (token.meeting.starts_at, token.meeting.ends_at)
                expected[str(token.id)] = (*times, compute_sequence(iter(token.outbox.cause_events)))
        return expected

    def find_differences(self, bookings: Iterable[str]) -> dict[str, Any]:
        """Find the calendars that differ from the event log."""
        booking_ids = list(bookings)
        pairs = {
            who: (self.read_calendar(who), self.derive_expected_calendar(who, booking_ids)) for who in self.calendars
        }
        return {who: pair for who, pair in pairs.items() if pair[0] != pair[1]}
