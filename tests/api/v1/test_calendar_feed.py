"""One's own calendar of meetings at a secret address: what it shows, to whom, and for how long."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import GUEST, ApiDriver, extract_code

FEED = "/v1/me/calendar-feed"


def create_feed_path(api: ApiDriver, who: str, **headers: str) -> str:
    """Create a feed for a person and return its path."""
    url: str = api.post(FEED, None, who, 201, **headers)["url"]
    assert url.startswith("http://testserver/calendar/")
    return url.removeprefix("http://testserver")


def fetch_entries(api: ApiDriver, path: str) -> dict[str, Any]:
    """Return the events of a feed by booking id, after the read models have caught up with the event log."""
    fetch_list(api, "/v1/meeting-log", "manager")
    response = api.send_request("GET", path)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    events = Calendar.from_ical(response.text).walk("VEVENT")
    return {str(event["uid"]).removesuffix("@oncelink"): event for event in events}


def book_slot(api: ApiDriver, slug: str, number: int) -> tuple[str, str, str]:
    """Book a free slot. Returns the booking's id, its start, and its manage code."""
    booking = api.book_meeting(slug, api.list_slots(slug)[number])
    return booking["booking"]["id"], booking["booking"]["start"], extract_code(booking["manage_url"])


class TestShows:
    """The meetings that somebody hosts or co-hosts, as they are."""

    def test_meetings_that_follow_what_happens(self, api: ApiDriver) -> None:
        api.create_link("Alone", slug="alone")
        api.create_link("Both", slug="both", co_host_ids=[api.ids["engineer"]])
        own_path, other_path = create_feed_path(api, "member"), create_feed_path(api, "engineer")
        assert fetch_entries(api, own_path) == {}
        first, start, manage = book_slot(api, "alone", 0)
        second_id, _, _ = book_slot(api, "both", 3)
        events = fetch_entries(api, own_path)
        assert (events.keys(), fetch_entries(api, other_path).keys()) == ({first, second_id}, {second_id})
        assert events[first]["dtstart"].dt == datetime.fromisoformat(start)
        assert (int(events[first]["sequence"]), str(events[first]["status"])) == (0, "CONFIRMED")
        assert str(events[first]["summary"]) == f"Intro with {GUEST['name']}"
        file = Calendar.from_ical(api.send_request("GET", f"/m/{manage}/meeting.ics").text).walk("VEVENT")[0]
        assert (str(file["uid"]), int(file["sequence"])) == (str(events[first]["uid"]), 0)

        later_start = api.list_slots("alone")[8]
        api.post(f"/v1/manage/{manage}/reschedule", {"start": later_start})
        event = fetch_entries(api, own_path)[first]
        assert (event["dtstart"].dt, int(event["sequence"])) == (datetime.fromisoformat(later_start), 1)
        api.post(f"/v1/bookings/{first}/reassign", {"host_id": api.ids["engineer"]}, "manager")
        assert (fetch_entries(api, own_path).keys(), fetch_entries(api, other_path).keys()) == (
            {second_id},
            {first, second_id},
        )
        assert int(fetch_entries(api, other_path)[first]["sequence"]) == 2
        api.post(f"/v1/bookings/{second_id}/cancel", {}, "manager")
        assert (fetch_entries(api, own_path), fetch_entries(api, other_path).keys()) == ({}, {first})

    def test_thirty_days_back(self, api: ApiDriver) -> None:
        api.create_link("Alone", slug="alone")
        path = create_feed_path(api, "member")
        id, start, _ = book_slot(api, "alone", 0)
        for days, expected in ((29, {id}), (31, set())):
            late_time = datetime.fromisoformat(start) + timedelta(days=days)
            with api.clock.stop_at(late_time):
                assert fetch_entries(api, path).keys() == expected

    def test_an_erased_guest_is_nobody(self, api: ApiDriver) -> None:
        api.create_link("Alone", slug="alone")
        path = create_feed_path(api, "member")
        id, _, _ = book_slot(api, "alone", 0)
        api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        assert str(fetch_entries(api, path)[id]["summary"]) == "Intro with a guest"
        assert "grace" not in api.send_request("GET", path).text.lower()

    def test_many_meetings_take_few_questions(self, api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        api.create_link("Alone", slug="alone")
        path = create_feed_path(api, "member")
        for place in range(8):
            book_slot(api, "alone", place)
        assert len(fetch_entries(api, path)) == 8
        statements = []
        database = api.services.database
        fetch_rows = database.fetch_rows
        monkeypatch.setattr(
            type(database), "fetch_rows", lambda _, *arguments: statements.append(arguments) or fetch_rows(*arguments)
        )
        api.send_request("GET", path)
        assert 0 < len(statements) <= 10


class TestKeptFresh:
    """ETag, and what calendars and the log contain."""

    def test_not_modified(self, api: ApiDriver) -> None:
        api.create_link("Alone", slug="alone")
        path = create_feed_path(api, "member")
        response = api.send_request("GET", path)
        etag = response.headers["etag"]
        assert response.headers["cache-control"] == "no-store"
        assert (response.headers["x-robots-tag"], response.headers["referrer-policy"]) == ("noindex", "no-referrer")
        for etag_value in (etag, f'"x", W/{etag}'):
            repeated_response = api.send_request("GET", path, None, None, If_None_Match=etag_value)
            assert (repeated_response.status_code, repeated_response.content, repeated_response.headers["etag"]) == (
                304,
                b"",
                etag,
            )
        book_slot(api, "alone", 0)
        fetch_entries(api, path)
        changed_response = api.send_request("GET", path, None, None, If_None_Match=etag)
        assert (changed_response.status_code, changed_response.headers["etag"] == etag) == (200, False)
        assert api.send_request("HEAD", path).status_code == 200

    def test_no_code_in_the_log(self, api: ApiDriver, caplog: pytest.LogCaptureFixture) -> None:
        path = create_feed_path(api, "member")
        with caplog.at_level(logging.DEBUG):
            assert api.send_request("GET", path).status_code == 200
        messages = [record.getMessage() for record in caplog.records if record.name.startswith(("oncelink", "uvicorn"))]
        assert any("/calendar/{code" in line for line in messages)
        assert not any(path.removeprefix("/calendar/").removesuffix(".ics") in line for line in messages)

    def test_no_code_in_the_database(self, api: ApiDriver) -> None:
        code = create_feed_path(api, "member").removeprefix("/calendar/").removesuffix(".ics")
        [row] = api.services.database.fetch_rows("SELECT f::text AS all FROM {schema}.calendar_feeds AS f")
        assert code not in row["all"]


class TestEnds:
    """Revoked, made anew, or its person gone: nothing can be told from the answer."""

    def test_unknown_ones_are_all_alike(self, api: ApiDriver) -> None:
        path = create_feed_path(api, "member")
        api.create_link("Alone", slug="alone")
        _, _, manage = book_slot(api, "alone", 0)
        newer = create_feed_path(api, "member")
        api.send_request("DELETE", FEED, who="member")
        responses = [
            api.send_request("GET", feed_path)
            for feed_path in (path, newer, "/calendar/x.ics", f"/calendar/{manage}.ics", path[:-4], "/calendar/a/b.ics")
        ]
        assert {response.status_code for response in responses} == {404}
        bodies = {(response.content, tuple(sorted(set(response.headers) - {"x-request-id"}))) for response in responses}
        assert len(bodies) == 1
        code = path.removeprefix("/calendar/").removesuffix(".ics")
        assert_problem(api.send_request("GET", f"/v1/book/{code}"), 404, "link_not_found")
        assert_problem(api.send_request("GET", f"/v1/manage/{code}"), 404, "link_not_found")

    def test_one_at_a_time(self, api: ApiDriver) -> None:
        first = create_feed_path(api, "member")
        second_path = create_feed_path(api, "member")
        assert [api.send_request("GET", path).status_code for path in (first, second_path)] == [404, 200]
        assert api.get(FEED, "member")["url"].endswith(second_path)
        assert api.get(FEED, "engineer") == {"url": None, "created_at": None}
        assert api.send_request("DELETE", FEED, who="member").status_code == 204
        assert api.send_request("DELETE", FEED, who="member").status_code == 204
        assert api.get(FEED, "member")["url"] is None

    def test_a_repeated_request_makes_no_other(self, api: ApiDriver) -> None:
        first = api.send_request("POST", FEED, None, "member", Idempotency_Key="k")
        response = api.send_request("POST", FEED, None, "member", Idempotency_Key="k")
        assert (first.json(), response.json()) == (first.json(), first.json())
        assert response.headers["idempotent-replayed"] == "true"
        api.send_request("DELETE", FEED, who="member")
        assert api.send_request("POST", FEED, None, "member", Idempotency_Key="k").json() == first.json()
        assert api.get(FEED, "member")["url"] is None, "a late retry does not bring it back"

    def test_with_its_person(self, api: ApiDriver) -> None:
        path = create_feed_path(api, "engineer")
        position_before = find_last_position(api)
        assert api.send_request("GET", path).status_code == 200
        assert find_last_position(api) == position_before
        api.post(f"/v1/people/{api.ids['engineer']}/deactivate", None, "admin")
        assert api.send_request("GET", path).status_code == 404
        api.post(f"/v1/people/{api.ids['engineer']}/activate", None, "admin")
        assert api.send_request("GET", path).status_code == 404, "it has ended, as keys and sessions have"


def test_the_settings_show_make_and_end_it(api: ApiDriver) -> None:
    page_client = PageClient(api, "member")
    assert "Make an address" in extract_text(page_client.get("/settings"))
    assert page_client.post("/settings/calendar").status_code == 303
    url = api.get(FEED, "member")["url"]
    assert f'value="{url}"' in page_client.get("/settings").text
    assert page_client.post("/settings/calendar").status_code == 303
    assert api.get(FEED, "member")["url"] != url
    assert page_client.post("/settings/calendar/end").status_code == 303
    assert api.get(FEED, "member")["url"] is None
