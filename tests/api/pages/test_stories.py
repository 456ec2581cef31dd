"""Stories on pages: one clock, the reader's, and one line for what mails and calendars were told."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from api.pages.rendering.story import fold_notifications, group_by_meeting, group_notifications
from api.pages.rendering.time_formatting import format_instant
from domain.event import Actor, Context
from domain.token import Token
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver

ZONE = "Asia/Kolkata"


@pytest.fixture
def moved(api: ApiDriver) -> Any:
    """A meeting that was moved once; its host and the auditor live in Kolkata, the server in UTC."""
    for who in ("member", "auditor"):
        api.patch("/v1/me", {"time_zone": ZONE}, who)
    link = api.create_link("Intro call")
    [issued] = api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    start, other_start = api.list_slots(issued["code"])[10:12]
    id = api.book_meeting(issued["code"], start)["booking"]["id"]
    booking = api.post(f"/v1/bookings/{id}/reschedule", {"start": other_start}, "member")
    fetch_list(api, "/v1/meeting-log", "manager")
    return {"id": id, "link": link["id"], "starts": (start, booking["starts_at"])}


class TestOneClock:
    """Every time in a story is in the zone of whoever reads it."""

    @pytest.mark.parametrize(
        ("who", "path"),
        [
            ("member", "/meeting-log/{id}"),
            ("member", "/links/{link}/single-use/{id}"),
            ("auditor", "/history/{id}"),
            ("auditor", "/history?stream_id={id}"),
        ],
    )
    def test_on_pages(self, api: ApiDriver, moved: Any, who: str, path: str) -> None:
        text = extract_text(PageClient(api, who).get(path.format(**moved)))
        before, after = (format_instant(datetime.fromisoformat(start), ZONE) for start in moved["starts"])
        assert f"from {before} to {after}" in text
        assert "UTC" not in text
        assert "Z →" not in text
        assert not re.search(r"\d{4}-\d\d-\d\dT", text)

    def test_the_api_stays_in_utc(self, api: ApiDriver, moved: Any) -> None:
        sentences = [event["sentence"] for event in api.get(f"/v1/history/streams/{moved['id']}", "auditor")["items"]]
        assert any(
            re.search(r"from [0-9-]+ [0-9:]+ UTC to [0-9-]+ [0-9:]+ UTC$", text.rstrip(".")) for text in sentences
        )


def build_row(version: int, type: str, **data: Any) -> Any:
    """Build an event as far as a story looks at it."""
    return {"version": version, "type": type, "data": data}


class TestNotifications:
    """They are one line with a state."""

    ROWS = (
        build_row(1, "MeetingBooked.v1"),
        build_row(2, "MailFailed.v1", cause_version=1, to="guest", person_id=None, last=False),
        build_row(3, "MailSent.v1", cause_version=1, to="host", person_id="a", by="smtp"),
        build_row(4, "Rescheduled.v2"),
        build_row(5, "MailSent.v1", cause_version=1, to="guest", person_id=None, by="smtp"),
        build_row(6, "MailSent.v1", cause_version=4, to="guest", person_id=None, by="console"),
        build_row(7, "CalendarFailed.v1", cause_version=4, to="host", person_id="a", last=True),
        build_row(8, "MailFailed.v1", cause_version=4, to="host", person_id=["odd"], last=True),
        build_row(9, "MailRequested.v1", cause_version=4, to="host", person_id=["odd"]),
    )

    def test_stand_at_what_they_are_about(self) -> None:
        booked, moved = fold_notifications(self.ROWS)
        assert booked["deliveries"] == [{"channel": "mail", "count": 2, "state": "sent"}]
        assert moved["deliveries"] == [
            {"channel": "mail", "count": 2, "state": "owed"},
            {"channel": "calendar", "count": 1, "state": "failed"},
        ]

    def test_in_a_row_they_are_one_group(self) -> None:
        groups = group_notifications(self.ROWS)
        assert [[number for number, _ in group["events"]] for group in groups] == [[1], [2, 3], [4], [5, 6, 7, 8, 9]]
        assert groups[1]["deliveries"] == [{"channel": "mail", "count": 2, "state": "owed"}]
        assert groups[0]["deliveries"] == []

    def test_on_the_list_of_many_streams_too(self) -> None:
        rows = [{**row, "stream_id": "one" if row["version"] != 6 else "two"} for row in reversed(self.ROWS)]
        groups = group_by_meeting(rows)
        numbers = [[number for number, _ in group["events"]] for group in groups]
        assert numbers == [[9, 8, 7], [6], [5], [4], [3, 2], [1]]
        states = [[(one["count"], one["state"]) for one in group["deliveries"]] for group in groups]
        assert states == [[(1, "failed"), (1, "owed")], [(1, "printed")], [(1, "sent")], [], [(2, "owed")], []]

    def test_on_the_page_unless_they_are_looked_for(self, api: ApiDriver, moved: Any) -> None:
        token = api.services.scheduling.load_aggregate(Token, UUID(moved["id"]))
        notifications = [one for one in token.outbox.list_notifications() if one.channel == "mail"]
        context = Context(api.services.clock(), Actor(kind="system"), "test")
        for notification in notifications[:2]:
            api.services.notifications.record_delivery(context, token.id, notification, by="smtp", message_id="m")
        client = PageClient(api, "auditor")
        page = client.get(f"/history?stream_id={moved['id']}").text
        [row] = [part for part in page.split("<tr>") if "<details>" in part]
        assert row.count("mailed ") == 2
        assert "2 mails" in " ".join(row.split())
        assert ">Sent<" in row
        assert "<details>" not in client.get(f"/history?stream_id={moved['id']}&type=MailSent").text
