"""Meeting types that offer nothing, links without any free time, and minutes in hours and days."""

import re
from html import unescape
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver

IMPOSSIBLE = {"minimum_notice_minutes": 3 * 1440, "booking_window_days": 2}
SENTENCE = "has a minimum notice of 3 days, and a booking window of 2 days, so no time is ever offered."


@pytest.fixture
def impossible_type(shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A meeting type from before impossible ones were refused."""
    monkeypatch.setattr("domain.meeting_type.refuse_never_offered", lambda properties: None)
    body = {"name": "Impossible", "duration_minutes": 30, **IMPOSSIBLE}
    meeting_type = shared_api.post("/v1/meeting-types", body, "admin", 201)
    monkeypatch.undo()
    return meeting_type


class TestNeverOffered:
    """The notice is at least as long as the window."""

    def test_is_refused_with_the_field_named(self, shared_api: ApiDriver) -> None:
        body = {"name": "Late", "duration_minutes": 30, **IMPOSSIBLE}
        refused = shared_api.send_request("POST", "/v1/meeting-types", body, "admin")
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {"field": "minimum_notice_minutes", "message": f"This meeting type {SENTENCE}"}
        ]
        page_client = PageClient(shared_api, "admin")
        form = {name: str(value) for name, value in body.items()}
        page = page_client.post("/admin/meeting-types/new", form)
        assert page.status_code == 422
        assert SENTENCE in page.text
        assert 'id="minimum_notice_minutes" name="minimum_notice_minutes" aria-invalid="true"' in page.text
        assert 'value="4320"' in page.text
        meeting_type = shared_api.post("/v1/meeting-types", {"name": "Late", "duration_minutes": 30}, "admin", 201)
        path = f"/v1/meeting-types/{meeting_type['id']}"
        shared_api.patch(path, {"booking_window_days": 1, "minimum_notice_minutes": 1440}, "admin", 422)
        shared_api.patch(path, {"booking_window_days": 1, "minimum_notice_minutes": 1439}, "admin")

    def test_an_existing_one_says_so_and_can_be_renamed(self, shared_api: ApiDriver, impossible_type: Any) -> None:
        page_client = PageClient(shared_api, "admin")
        path = f"/v1/meeting-types/{impossible_type['id']}"
        assert SENTENCE in page_client.get(f"/admin/meeting-types/{impossible_type['id']}").text
        fetch_list(shared_api, "/v1/meeting-types", "admin")
        assert "Never offered" in page_client.get("/admin/meeting-types?q=impossible").text
        shared_api.patch(path, {"name": "Still impossible"}, "admin")
        shared_api.patch(path, {"booking_window_days": 3}, "admin", 422)
        link = shared_api.create_link("Never", meeting_type_id=impossible_type["id"])
        assert SENTENCE in page_client.get(f"/links/{link['id']}").text
        assert SENTENCE in page_client.get(f"/links/new/{link['id']}").text


class TestNoFreeTime:
    """A link at which guests find nothing in 30 days."""

    def test_says_why(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "manager")

        def read_warning(**properties: Any) -> str | None:
            link = api.create_link("Look", **properties)
            text = unescape(extract_text(page_client.get(f"/links/{link['id']}")))
            return text.partition("in the next 30 days: ")[2].partition(".")[0] or None

        assert read_warning() is None
        slow = {"name": "Slow", "duration_minutes": 30, "minimum_notice_minutes": 40 * 1440}
        slow_type = api.post("/v1/meeting-types", slow, "admin", 201)
        assert read_warning(meeting_type_id=slow_type["id"]) == "its meeting type asks for a notice of 40 days"
        long_type = api.post("/v1/meeting-types", {"name": "Long", "duration_minutes": 1380}, "admin", 201)
        api.patch("/v1/me", {"weekly_hours": {"mon": [["09:00", "12:00"]]}}, "engineer")
        together = {"co_host_ids": [api.ids["engineer"]], "meeting_type_id": long_type["id"]}
        assert read_warning(**together) == "the hosts have no hours in common with room for 23 h"
        api.patch("/v1/me", {"weekly_hours": {}}, "member")
        assert read_warning() == "the host's hours have no room for 30 min"
        api.post(f"/v1/people/{api.ids['engineer']}/deactivate", None, "admin")
        link = fetch_list(api, "/v1/links?view=all&q=look", "manager")["items"]
        assert any("is deactivated." in page_client.get(f"/links/{one['id']}").text for one in link)

    def test_lists_say_so_of_what_the_viewer_sees(self, api: ApiDriver) -> None:
        """The list itself computes nothing: it has the places, and asks for the sentences of active links."""
        body = {"weekly_hours": {"mon": [["09:00", "09:30"]]}}
        api.patch("/v1/me", body, "engineer")
        long_type = api.post("/v1/meeting-types", {"name": "Long", "duration_minutes": 90}, "admin", 201)
        never = api.create_link("Never", "engineer", meeting_type_id=long_type["id"])
        often, disabled, secret = (api.create_link(name) for name in ("Often", "Disabled", "Secret"))
        api.post(f"/v1/links/{disabled['id']}/disable", None, "member")
        fetch_list(api, "/v1/links?view=all", "manager")
        page_client = PageClient(api, "manager")
        html = page_client.get("/management/links").text
        [request] = re.findall(r'hx-get="(/links/free-time[^"]*)"', html)
        assert set(re.findall(r"id=([0-9a-f-]+)", request)) == {one["id"] for one in (never, often, secret)}
        for one in (never, often, disabled):
            assert f'id="no-time-{one["id"]}"></span>' in html
        parts = page_client.get(unescape(request)).text
        assert re.findall(r'id="no-time-([0-9a-f-]+)" hx-swap-oob="true"', parts) == [never["id"]]
        assert "the host&#39;s hours have no room for 1 h 30 min." in parts
        api.patch("/v1/me", {"weekly_hours": {}}, "member")
        path = f"/links/free-time?id={never['id']}&id={secret['id']}&id={api.ids['type']}"
        assert re.findall(r"no-time-([0-9a-f-]+)", PageClient(api, "engineer").get(path).text) == [never["id"]]
        assert PageClient(api, "analyst").get(path).status_code == 403
        too_many = "&".join(f"id={never['id']}" for _ in range(51))
        assert page_client.get(f"/links/free-time?{too_many}").status_code == 422

    def test_hosts_of_a_managed_link_too(self, api: ApiDriver) -> None:
        api.patch("/v1/me", {"weekly_hours": {}}, "engineer")
        body = {"name": "All", "slug": "all", "meeting_type_id": api.ids["type"], "host_ids": [api.ids["engineer"]]}
        managed = api.post("/v1/managed-links", body, "manager", 201)
        page_client = PageClient(api, "manager")
        html = page_client.get(f"/management/managed/{managed['id']}").text
        [request] = re.findall(r'hx-get="(/links/free-time[^"]*)"', html)
        assert "have no room for 30 min." in page_client.get(unescape(request)).text

    def test_says_that_everything_is_taken(self, api: ApiDriver) -> None:
        body = {"name": "Rare", "duration_minutes": 30, "booking_window_days": 8}
        rare_type = api.post("/v1/meeting-types", body, "admin", 201)
        api.patch("/v1/me", {"weekly_hours": {"mon": [["09:00", "09:30"]]}}, "member")
        link = api.create_link("Rare", meeting_type_id=rare_type["id"])
        for start in api.list_slots("rare", 10):
            api.book_meeting("rare", start)
        text = extract_text(PageClient(api, "member").get(f"/links/{link['id']}"))
        assert "everything is taken, in meetings or calendars." in text


def test_minutes_are_said_in_hours_and_days_on_pages(api: ApiDriver) -> None:
    body = {"name": "Workshop", "duration_minutes": 150, "minimum_notice_minutes": 2880, "buffer_after_minutes": 90}
    meeting_type = api.post("/v1/meeting-types", body, "admin", 201)
    api.patch(f"/v1/meeting-types/{meeting_type['id']}", {"minimum_notice_minutes": 1500}, "admin")
    fetch_list(api, "/v1/meeting-types", "admin")
    page_client = PageClient(api, "admin")
    text = extract_text(page_client.get("/admin/meeting-types"))
    assert "2 h 30 min" in text
    assert "1 day 1 h" in text
    assert "0 min before, 1 h 30 min after" in text
    form = page_client.get(f"/admin/meeting-types/{meeting_type['id']}").text
    assert '<output class="field-hint font-semibold" id="minimum_notice_minutes-said"' in form
    assert ">1 day 1 h</output>" in form
    story = extract_text(page_client.get(f"/history/{meeting_type['id']}"))
    assert "created the meeting type" in story
    assert "(2 h 30 min)" in story
    assert "minimum notice from 2 days to 1 day 1 h" in story


def test_reminders_and_the_follow_up_are_chosen_and_previewed(api: ApiDriver) -> None:
    page_client = PageClient(api, "admin")
    assert 'value="1440" checked' in page_client.get("/admin/meeting-types/new").text
    path = f"/admin/meeting-types/{api.ids['type']}"
    form = {"name": "Intro", "duration_minutes": "30", "buffer_before_minutes": "0", "buffer_after_minutes": "0"}
    form |= {"minimum_notice_minutes": "0", "booking_window_days": "60", "version": "1", "location": "Room 7"}
    form |= {"after_minutes": "1440", "message": "Thank you!\r\nUntil soon."}
    chosen = {**form, "reminders_minutes": ["30", "2880"]}
    preview = extract_text(page_client.post(f"{path}/preview", chosen))
    assert "Subject: Reminder: Intro with Admin" in preview
    assert "Where: Room 7" in preview
    assert "Thank you! Until soon." in preview
    saved = api.get(f"/v1/meeting-types/{api.ids['type']}", "admin")
    assert (saved["version"], saved["reminders_minutes"], saved["follow_up"]) == (1, [1_440, 60], None)
    assert page_client.post(path, chosen).status_code == 303
    saved = api.get(f"/v1/meeting-types/{api.ids['type']}", "admin")
    assert saved["reminders_minutes"] == [2_880, 30]
    assert saved["follow_up"] == {"after_minutes": 1_440, "message": "Thank you!\nUntil soon."}
    page = page_client.get(path).text
    assert page.count('name="reminders_minutes"') == page.count('type="checkbox" name="reminders_minutes"')
    assert page.count(" checked>") == 2
    conflict = page_client.post(path, {**chosen, "reminders_minutes": ["60"]})  # version 1 is an old one now
    assert conflict.status_code == 412
    assert "2 days, 30 min" in extract_text(conflict)
    assert page_client.post(path, {**form, "version": "2", "message": ""}).status_code == 303
    saved = api.get(f"/v1/meeting-types/{api.ids['type']}", "admin")
    assert (saved["reminders_minutes"], saved["follow_up"]) == ([], None)
    assert "Nothing is mailed around this meeting." in page_client.post(f"{path}/preview", {**form, "message": ""}).text
    too_many = {**form, "reminders_minutes": ["10", "30", "60", "120", "1440", "2880"]}
    refused = page_client.post(f"{path}/preview", too_many)
    assert (refused.status_code, "reminders_minutes-error" in refused.text) == (422, True)
    assert "reminders from 2 days, 30 min to none" in extract_text(page_client.get(f"/history/{api.ids['type']}"))
