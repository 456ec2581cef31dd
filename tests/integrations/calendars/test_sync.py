"""Busy times of people's own calendars, from a server's feed to what guests are offered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api_driver import ApiDriver, extract_code
from tests.integrations.calendars.calendar_owner import (
    add_calendar,
    build_entry,
    fetch_rows,
    list_calendars,
    list_events,
    refresh_calendar,
    reschedule_meeting,
)
from tests.integrations.calendars.feed_server import FeedServer, build_feed, send_response

SOON = datetime.now(UTC) + timedelta(days=5)


def read_problem(response: Any) -> Any:
    """The one thing that a request was refused for: field and message."""
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    return error["field"], error["message"]


class TestOffer:
    """What a calendar fills is not on offer, and everything else is."""

    def test_a_filled_slot_is_neither_offered_nor_booked(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        [code] = owners_api.create_codes(link)
        slots = owners_api.list_slots(code)
        added_calendar = add_calendar(
            owners_api, feeds, build_entry(slots[3]), build_entry(slots[5], "2", extra_lines="TRANSP:TRANSPARENT")
        )
        assert (added_calendar["state"], added_calendar["busy_soon"], added_calendar["kind"]) == ("read", 1, "feed")
        assert set(slots) - set(owners_api.list_slots(code)) == {slots[3]}
        for slug_or_code in (code, link["slug"]):
            assert owners_api.book_meeting(slug_or_code, slots[3], 409)["code"] == "slot_taken"
            assert (
                owners_api.send_request("POST", f"/v1/book/{slug_or_code}", {"start": slots[3]}, None).status_code
                == 422
            )
        manage = extract_code(owners_api.book_meeting(code, slots[4])["manage_url"])
        response = owners_api.send_request("POST", f"/v1/manage/{manage}/reschedule", {"start": slots[3]})
        assert (response.status_code, response.json()["code"]) == (409, "slot_taken")
        path = f"/v1/manage/{manage}/slots?from={slots[0][:10]}&to={slots[-1][:10]}&time_zone=UTC"
        assert slots[3] not in [slot["start"] for slot in owners_api.get(path)["slots"]]

    def test_buffers_keep_their_distance(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        body = {"name": "Long", "duration_minutes": 30, "buffer_before_minutes": 30, "buffer_after_minutes": 30}
        link = owners_api.create_link(meeting_type_id=owners_api.post("/v1/meeting-types", body, "admin", 201)["id"])
        slots = owners_api.list_slots(link["slug"])
        add_calendar(owners_api, feeds, build_entry(slots[6]))
        assert set(slots) - set(owners_api.list_slots(link["slug"])) == set(slots[5:8])
        assert owners_api.book_meeting(link["slug"], slots[5], 409)["code"] == "slot_taken"

    def test_a_co_hosts_calendar_counts(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link(co_host_ids=[owners_api.ids["engineer"]])
        slots = owners_api.list_slots(link["slug"])
        add_calendar(owners_api, feeds, build_entry(slots[2]), who="engineer")
        assert slots[2] not in owners_api.list_slots(link["slug"])
        assert owners_api.book_meeting(link["slug"], slots[2], 409)["code"] == "slot_taken"
        assert slots[2] in owners_api.list_slots(owners_api.create_link("Alone")["slug"])

    def test_a_day_is_a_day_where_the_person_is(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        owners_api.patch("/v1/me", {"time_zone": "Asia/Tokyo"}, "member")
        link = owners_api.create_link()
        day = (datetime.now(UTC) + timedelta(days=2)).date()
        add_calendar(owners_api, feeds, f"DTSTART;VALUE=DATE:{day:%Y%m%d}")
        day_start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9)
        starts = [datetime.fromisoformat(start) for start in owners_api.list_slots(link["slug"], days=4)]
        assert not [start for start in starts if day_start <= start < day_start + timedelta(days=1)]
        assert day_start + timedelta(days=1) in starts

    def test_times_that_are_not_known_yet_are_not_offered(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        calendar = add_calendar(owners_api, feeds)
        known_until = datetime.fromisoformat(calendar["known_until"])
        body = {"name": "Far", "duration_minutes": 30, "booking_window_days": 400}
        link = owners_api.create_link(meeting_type_id=owners_api.post("/v1/meeting-types", body, "admin", 201)["id"])
        last_day = (known_until + timedelta(days=3)).date()
        path = f"/v1/book/{link['slug']}/slots?from={known_until.date()}&to={last_day}&time_zone=UTC"
        slot_ends = [datetime.fromisoformat(slot["end"]) for slot in owners_api.get(path)["slots"]]
        assert slot_ends == [end for end in slot_ends if end <= known_until]
        owners_api.list_meetings()  # the lists have the longer window by now
        after = refresh_calendar(owners_api, calendar)
        assert datetime.fromisoformat(after["known_until"]) > known_until + timedelta(days=300)
        assert len(owners_api.get(path)["slots"]) == 4 * 48


class TestReading:
    """Looking again: only when something has changed, and what holds when a server does not answer."""

    def test_what_has_not_changed_is_not_sent_again(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        calendar = add_calendar(owners_api, feeds, build_entry(slots[1]))
        refreshed = refresh_calendar(owners_api, calendar)
        assert feeds.headers[-1]["If-None-Match"]
        assert refreshed["checked_at"] > calendar["checked_at"]
        assert slots[1] not in owners_api.list_slots(link["slug"])
        fetch_rows(
            owners_api, "UPDATE {schema}.busy_calendars SET read_at = read_at - interval '25 hours' RETURNING id"
        )
        assert refresh_calendar(owners_api, refreshed)["known_until"] > refreshed["known_until"]
        assert "If-None-Match" not in feeds.headers[-1]

    def test_the_last_known_state_holds_and_its_person_is_warned(
        self, owners_api: ApiDriver, feeds: FeedServer
    ) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        calendar = add_calendar(owners_api, feeds, build_entry(slots[1]))
        feeds.stop_server()
        failing_calendar = refresh_calendar(owners_api, calendar)
        assert failing_calendar["state"] == "failing"
        assert failing_calendar["problem"] == "The calendar's server could not be reached, or broke the connection off."
        assert failing_calendar["checked_at"] == calendar["checked_at"]
        assert slots[1] not in owners_api.list_slots(link["slug"])
        later_calendar = refresh_calendar(owners_api, calendar)
        assert later_calendar["failing_since"] == failing_calendar["failing_since"]
        assert later_calendar["due_at"] > failing_calendar["due_at"]
        feeds.start_server()
        for invalid_text in ("<html>Sign in</html>", build_feed("DTSTART:never")):
            feeds.feeds["/julio.ics"] = invalid_text
            assert refresh_calendar(owners_api, calendar)["state"] == "failing"
            assert slots[1] not in owners_api.list_slots(link["slug"])
        feeds.feeds["/julio.ics"] = build_feed(build_entry(slots[2]))
        recovered_calendar = refresh_calendar(owners_api, calendar)
        assert (recovered_calendar["state"], recovered_calendar["problem"], recovered_calendar["failing_since"]) == (
            "read",
            None,
            None,
        )
        assert set(slots) - set(owners_api.list_slots(link["slug"])) == {slots[2]}

    def test_waits_as_long_as_a_server_asks(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        calendar = add_calendar(owners_api, feeds)
        feeds.feeds["/julio.ics"] = lambda handler: send_response(handler, 503, b"", {"Retry-After": "7200"})
        due = datetime.fromisoformat(refresh_calendar(owners_api, calendar)["due_at"])
        assert due > datetime.now(UTC) + timedelta(minutes=115)

    def test_removing_leaves_nothing(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        calendar = add_calendar(owners_api, feeds, build_entry(slots[1]))
        assert (
            owners_api.send_request("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "engineer").status_code == 404
        )
        assert (
            owners_api.send_request("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "member").status_code == 204
        )
        assert owners_api.list_slots(link["slug"]) == slots
        assert list_calendars(owners_api) == []
        for table in ("busy_calendars", "busy_intervals"):
            query = f"SELECT person_id FROM {{schema}}.{table} WHERE person_id = '{owners_api.ids['member']}'"
            assert fetch_rows(owners_api, query) == []


class TestRefusals:
    """A calendar that cannot be read is not kept, and the error names field and rule."""

    @pytest.mark.parametrize(
        ("response_text", "rule"),
        [
            (None, "Its answer was 404"),
            ("<html></html>", "not an iCalendar feed"),
            (
                build_feed("DTSTART:20300310T100000Z\nRRULE:FREQ=SECONDLY"),
                "RRULE: an entry repeats more than 96 times a day",
            ),
            (
                build_feed(f"DTSTART;TZID=Nowhere:{SOON:%Y%m%d}T100000"),
                "TZID: it names a time zone that is neither known",
            ),
        ],
    )
    def test_what_is_there(
        self, owners_api: ApiDriver, feeds: FeedServer, response_text: str | None, rule: str
    ) -> None:
        if response_text is not None:
            feeds.feeds["/secret.ics"] = response_text
        response = owners_api.send_request(
            "POST", "/v1/me/calendars", {"url": feeds.build_url("/secret.ics")}, "member"
        )
        field, message = read_problem(response)
        assert field == "url"
        assert rule in message
        assert "secret.ics" not in response.text
        assert list_calendars(owners_api) == []

    def test_where_it_is(self, api: ApiDriver, feeds: FeedServer) -> None:
        """Without the setting, loopback is inside."""
        feeds.feeds["/a.ics"] = build_feed()
        response = api.send_request("POST", "/v1/me/calendars", {"url": feeds.build_url("/a.ics")}, "member")
        assert read_problem(response) == (
            "url",
            "This address leads into a private or reserved network, which is not read from here.",
        )
        assert feeds.requested_paths == []

    def test_more_than_ten(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        added_calendar = add_calendar(owners_api, feeds)
        fetch_rows(
            owners_api,
            "INSERT INTO {schema}.busy_calendars (id, person_id, kind, name, sealed, created_at, due_at) "
            "SELECT gen_random_uuid(), person_id, kind, name, sealed, created_at, '9990-01-01' "
            f"FROM {{schema}}.busy_calendars, generate_series(1, 9) WHERE id = '{added_calendar['id']}' RETURNING id",
        )
        response = owners_api.send_request("POST", "/v1/me/calendars", {"url": feeds.build_url("/julio.ics")}, "member")
        assert read_problem(response)[1] == "One person can have 10 calendars at most. Remove one first."


def test_a_repeated_request_is_answered_again(owners_api: ApiDriver, feeds: FeedServer) -> None:
    feeds.feeds["/julio.ics"] = build_feed()
    body = {"url": feeds.build_url("/julio.ics"), "name": "Julio"}
    first = owners_api.send_request("POST", "/v1/me/calendars", body, "member", Idempotency_Key="one")
    response = owners_api.send_request("POST", "/v1/me/calendars", body, "member", Idempotency_Key="one")
    assert (first.status_code, response.status_code) == (201, 201)
    assert (response.json(), response.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert len(feeds.requested_paths) == 1
    other_response = owners_api.send_request(
        "POST", "/v1/me/calendars", {**body, "name": "Other"}, "member", Idempotency_Key="one"
    )
    assert other_response.json()["code"] == "idempotency_key_reused"


class TestConflicts:
    """A meeting that was booked stays booked, and it is said once that a calendar has something else then."""

    def test_is_said_once_for_each_time_of_the_meeting(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        calendar = add_calendar(owners_api, feeds)
        booking = owners_api.book_meeting(link["slug"], slots[3])["booking"]["id"]
        other_id = owners_api.book_meeting(link["slug"], slots[8])["booking"]["id"]
        feeds.feeds["/julio.ics"] = build_feed(build_entry(slots[3]), build_entry(slots[5], "2"))
        refresh_calendar(owners_api, calendar)
        refresh_calendar(owners_api, calendar)
        [conflict] = list_events(owners_api)
        assert (str(conflict["stream_id"]), conflict["data"]["starts_at"]) == (booking, slots[3])
        assert conflict["data"]["host_id"] == owners_api.ids["member"]
        assert "Dentist" not in str(conflict)
        assert owners_api.get(f"/v1/bookings/{booking}", "member")["status"] == "scheduled"
        sentences = [row["sentence"] for row in owners_api.get(f"/v1/history/streams/{booking}", "auditor")["items"]]
        assert any(
            "found something else in the calendar of Member at the time of “Intro”" in sentence
            for sentence in sentences
        )
        reschedule_meeting(owners_api, booking, slots[6])
        feeds.feeds["/julio.ics"] = build_feed(build_entry(slots[6]))
        refresh_calendar(owners_api, calendar)
        assert [event["data"]["starts_at"] for event in list_events(owners_api)] == [slots[3], slots[6]]
        assert owners_api.get(f"/v1/bookings/{other_id}", "member")["status"] == "scheduled"

    def test_a_meeting_in_its_own_hosts_calendar_is_no_conflict(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        booking = owners_api.book_meeting(link["slug"], slots[3])["booking"]["id"]
        add_calendar(owners_api, feeds, build_entry(slots[3], f"{booking}@oncelink", minutes=60))
        assert list_events(owners_api) == []
        reschedule_meeting(owners_api, booking, slots[4])  # its own entry would be in the way

    def test_somebody_elses_meeting_is(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        """A person can be the guest of a colleague: then the meeting in their calendar keeps them busy."""
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        booking = owners_api.book_meeting(link["slug"], slots[3])["booking"]["id"]
        add_calendar(owners_api, feeds, build_entry(slots[3], f"{booking}@oncelink"), who="engineer")
        own_link = owners_api.create_link("Engineer's", "engineer")
        assert slots[3] not in owners_api.list_slots(own_link["slug"])

    def test_a_cancelled_meeting_has_none(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        booking = owners_api.book_meeting(link["slug"], slots[3])["booking"]["id"]
        owners_api.post(f"/v1/bookings/{booking}/cancel", {}, "member")
        add_calendar(owners_api, feeds, build_entry(slots[3]))
        assert list_events(owners_api) == []
