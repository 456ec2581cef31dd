"""Moving a meeting and giving it away: nothing happens before a step that shows both times and takes a message."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.pages.rendering.time_formatting import format_instant
from integrations.time_zone_names import name_place
from replay.verify.verification import run_verification
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import ApiDriver

MESSAGE = "Sorry, <b>the other</b> day is better"
HOST_ZONE, GUEST_ZONE = "America/New_York", "Europe/Berlin"


@pytest.fixture
def booking(api: ApiDriver) -> Any:
    """A meeting of the member, who lives in New York, with a guest in Berlin."""
    api.patch("/v1/me", {"time_zone": HOST_ZONE}, "member")
    api.create_link("Intro call", slug="intro")
    booking = api.book_meeting("intro", api.list_slots("intro")[20])
    fetch_list(api, "/v1/meeting-log", "manager")
    return booking["booking"]


def list_events(api: ApiDriver, id: str) -> list[Any]:
    """List the events of a meeting that are not of its notifications, as the history answers them."""
    events = api.get(f"/v1/history/streams/{id}", "auditor")["items"]
    return [event for event in events if not event["type"].startswith(("Mail", "Calendar"))]


def list_buttons(html: str) -> list[str]:
    """List the times that the page offers."""
    return re.findall(r'<button class="btn btn-sm" name="start" value="([^"]+)"', html)


class TestReschedule:
    """/meeting-log/{id}/reschedule"""

    def test_marks_the_present_time(self, api: ApiDriver, booking: Any) -> None:
        page = PageClient(api, "member").get(f"/meeting-log/{booking['id']}/reschedule")
        local_start = datetime.fromisoformat(booking["start"]).astimezone(ZoneInfo(HOST_ZONE))
        assert f'aria-current="time">{local_start:%H:%M}<' in page.text
        assert page.text.count('aria-current="time"') == 1
        assert booking["start"].replace("Z", "+00:00") not in list_buttons(page.text)

    def test_shows_both_times_on_every_clock_and_moves_only_then(self, api: ApiDriver, booking: Any) -> None:
        page_client, path = PageClient(api, "manager"), f"/meeting-log/{booking['id']}/reschedule"
        start = list_buttons(page_client.get(path).text)[-1]
        position_before = find_last_position(api)
        page = page_client.client.get(f"{path}/confirm", params={"start": start}, headers={"Accept": "text/html"})
        assert find_last_position(api) == position_before
        text = extract_text(page)
        for zone in (HOST_ZONE, GUEST_ZONE, "UTC"):
            assert name_place(zone) in text
            for instant in (booking["start"], start):
                assert format_instant(datetime.fromisoformat(instant), zone) in text
        response = page_client.post(path, {"start": start, "message": f" {MESSAGE} "})
        assert (response.status_code, response.headers["location"]) == (303, f"/meeting-log/{booking['id']}")
        event = list_events(api, booking["id"])[-1]
        assert (event["type"], event["details"]) == ("Rescheduled.v2", {"message": MESSAGE})
        assert event["sentence"].endswith(f"saying “{MESSAGE}”.")
        assert MESSAGE not in str(event["data"])
        assert api.get(f"/v1/bookings/{booking['id']}", "member")["status"] == "rescheduled"
        assert run_verification(api.services.database).problems == []

    def test_keeps_what_was_typed(self, api: ApiDriver, booking: Any) -> None:
        """A message that is too long, and a time that is gone meanwhile."""
        page_client, path = PageClient(api, "member"), f"/meeting-log/{booking['id']}/reschedule"
        start = list_buttons(page_client.get(path).text)[-1]
        long_message = "m" * 2001
        response = page_client.post(path, {"start": start, "message": long_message})
        assert response.status_code == 422
        assert re.search(r'<textarea[^>]*aria-invalid="true"[^>]*>m{2001}</textarea>', response.text)
        assert f'name="start" value="{start}"' in response.text
        api.book_meeting("intro", start.replace("+00:00", "Z"))
        response = page_client.post(path, {"start": start, "message": "Typed"})
        assert response.status_code == 409
        assert '<input type="hidden" name="message" value="Typed">' in response.text
        other_start = list_buttons(response.text)[0]
        again = page_client.post(f"{path}/confirm", {"start": other_start, "message": "Typed"})
        assert (again.status_code, ">Typed</textarea>" in again.text) == (200, True)
        assert f'formaction="{path}/times"' in again.text
        day = re.search(r'name="day" value="([^"]+)"', again.text)
        assert day
        for shown_day in (day[1], "", "soon"):
            times = page_client.post(f"{path}/times", {"day": shown_day, "message": "Typed"})
            assert times.status_code == 200
            assert times.text.count('<input type="hidden" name="message" value="Typed">') == 2
        assert [event["type"] for event in list_events(api, booking["id"])][-1] == "MeetingBooked.v1"

    def test_without_a_message_and_to_the_same_time(self, api: ApiDriver, booking: Any) -> None:
        page_client, path = PageClient(api, "member"), f"/meeting-log/{booking['id']}/reschedule"
        start = list_buttons(page_client.get(path).text)[-1]
        for _ in range(2):
            assert page_client.post(path, {"start": start, "message": " "}).status_code == 303
        assert [event["type"] for event in list_events(api, booking["id"])][1:] == [
            "MeetingBooked.v1",
            "Rescheduled.v1",
        ]

    def test_who_may_not(self, api: ApiDriver, booking: Any) -> None:
        path = f"/meeting-log/{booking['id']}/reschedule/confirm?start={booking['start']}"
        assert PageClient(api, "engineer").get(path).status_code == 404
        assert PageClient(api, "auditor").get(path).status_code == 403

    def test_an_erasure_erases_the_message(self, api: ApiDriver, booking: Any) -> None:
        path = f"/v1/bookings/{booking['id']}"
        body = {"start": api.list_slots("intro")[30], "message": "Dear Grace"}
        api.post(f"{path}/reschedule", body, "member")
        api.post("/v1/erasures", {"email": booking["guest"]["email"]}, "admin", 201)
        events = list_events(api, booking["id"])
        assert "Dear Grace" not in str(events)
        assert any("(message: details erased)" in event["sentence"] for event in events)
        api.post(f"{path}/reassign", {"host_id": api.ids["engineer"], "message": "Dear Grace"}, "manager")
        assert list_events(api, booking["id"])[-1]["type"] == "MeetingReassigned.v1"
        assert run_verification(api.services.database).problems == []


class TestReassign:
    """/meeting-log/{id}/reassign"""

    def test_asks_first_and_takes_a_message(self, api: ApiDriver, booking: Any) -> None:
        fetch_list(api, "/v1/people", "manager")
        page_client, path = PageClient(api, "manager"), f"/meeting-log/{booking['id']}/reassign"
        candidates = page_client.get(path)
        assert f'action="{path}/confirm"' in candidates.text
        position_before = find_last_position(api)
        query = f"host_id={api.ids['engineer']}&instead_of={api.ids['member']}&back=/links"
        page = page_client.get(f"{path}/confirm?{query}")
        assert find_last_position(api) == position_before
        text = extract_text(page)
        assert "Engineer takes the place of Member" in text
        for zone in ("UTC", GUEST_ZONE):
            assert format_instant(datetime.fromisoformat(booking["start"]), zone) in text
        form = {"host_id": api.ids["engineer"], "instead_of": api.ids["member"], "back": "/links"}
        refused = page_client.post(path, form | {"message": "m" * 2001})
        assert (refused.status_code, "m" * 2001 in refused.text) == (422, True)
        response = page_client.post(path, form | {"message": MESSAGE})
        assert (response.status_code, response.headers["location"]) == (303, "/links")
        event = list_events(api, booking["id"])[-1]
        assert (event["type"], event["details"]) == ("MeetingReassigned.v2", {"message": MESSAGE})
        assert run_verification(api.services.database).problems == []

    def test_offers_only_people_who_can_host(self, api: ApiDriver, booking: Any) -> None:
        fetch_list(api, "/v1/people", "manager")
        path = f"/meeting-log/{booking['id']}/reassign"
        offered = re.findall(r'aria-label="Give the meeting to (\w+)"', PageClient(api, "manager").get(path).text)
        assert offered == ["Admin", "Engineer", "Manager"]
        body = {"host_id": api.ids["auditor"]}
        response = api.send_request("POST", f"/v1/bookings/{booking['id']}/reassign", body, "manager")
        assert_problem(response, 422, "invalid")
        hosts = PageClient(api, "member").get(f"/links/new/properties?meeting_type_id={api.ids['type']}")
        people = re.findall(r'name="co_host_ids" value="([^"]+)"', hosts.text)
        assert set(people) == {api.ids[who] for who in ("admin", "engineer", "manager")}

    def test_keeps_the_message_for_somebody_else(self, api: ApiDriver, booking: Any) -> None:
        fetch_list(api, "/v1/people", "manager")
        path = f"/meeting-log/{booking['id']}/reassign"
        form = {"host_id": api.ids["auditor"], "message": "Typed"}
        response = PageClient(api, "manager").post(path, form)
        assert response.status_code == 422
        assert f'<form method="post" action="{path}/confirm">' in response.text
        assert '<input type="hidden" name="message" value="Typed">' in response.text
        chosen = PageClient(api, "manager").post(f"{path}/confirm", form | {"host_id": api.ids["engineer"]})
        assert f'formaction="{path}/people"' in chosen.text
        query = {"message": "Typed", "instead_of": api.ids["member"], "q": "engin"}
        searched_page = PageClient(api, "manager").post(f"{path}/people", query)
        assert re.findall(r'aria-label="Give the meeting to (\w+)"', searched_page.text) == ["Engineer"]
        assert searched_page.text.count('name="message" value="Typed"') == 2  # to search again, and to choose
        nobody = PageClient(api, "manager").post(f"{path}/people", query | {"q": "zqx", "instead_of": "zqx"})
        assert "Show everybody" in nobody.text
