"""Busy times of people's own calendars, from a server's feed to what guests are offered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api_driver import House, code_of
from tests.integrations.calendars.calendar_owner import adds, calendars, entry, events, moves, refreshed, rows
from tests.integrations.calendars.feed_server import FeedServer, feed, sends

SOON = datetime.now(UTC) + timedelta(days=5)


def problem(answer: Any) -> Any:
    """The one thing that a request was refused for: field and message."""
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    return error["field"], error["message"]


class TestOffer:
    """What a calendar fills is not on offer, and everything else is."""

    def test_a_filled_slot_is_neither_offered_nor_booked(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        [code] = office.codes(link)
        slots = office.slots(code)
        added = adds(office, feeds, entry(slots[3]), entry(slots[5], "2", more="TRANSP:TRANSPARENT"))
        assert (added["state"], added["busy_soon"], added["kind"]) == ("read", 1, "feed")
        assert set(slots) - set(office.slots(code)) == {slots[3]}
        for door in (code, link["slug"]):
            assert office.book(door, slots[3], 409)["code"] == "slot_taken"
            assert office.send("POST", f"/v1/book/{door}", {"start": slots[3]}, None).status_code == 422
        manage = code_of(office.book(code, slots[4])["manage_url"])
        moved = office.send("POST", f"/v1/manage/{manage}/reschedule", {"start": slots[3]})
        assert (moved.status_code, moved.json()["code"]) == (409, "slot_taken")
        path = f"/v1/manage/{manage}/slots?from={slots[0][:10]}&to={slots[-1][:10]}&time_zone=UTC"
        assert slots[3] not in [one["start"] for one in office.get(path)["slots"]]

    def test_buffers_keep_their_distance(self, office: House, feeds: FeedServer) -> None:
        body = {"name": "Long", "duration_minutes": 30, "buffer_before_minutes": 30, "buffer_after_minutes": 30}
        link = office.link(meeting_type_id=office.post("/v1/meeting-types", body, "admin", 201)["id"])
        slots = office.slots(link["slug"])
        adds(office, feeds, entry(slots[6]))
        assert set(slots) - set(office.slots(link["slug"])) == set(slots[5:8])
        assert office.book(link["slug"], slots[5], 409)["code"] == "slot_taken"

    def test_a_co_hosts_calendar_counts(self, office: House, feeds: FeedServer) -> None:
        link = office.link(co_host_ids=[office.ids["engineer"]])
        slots = office.slots(link["slug"])
        adds(office, feeds, entry(slots[2]), who="engineer")
        assert slots[2] not in office.slots(link["slug"])
        assert office.book(link["slug"], slots[2], 409)["code"] == "slot_taken"
        assert slots[2] in office.slots(office.link("Alone")["slug"])

    def test_a_day_is_a_day_where_the_person_is(self, office: House, feeds: FeedServer) -> None:
        office.patch("/v1/me", {"time_zone": "Asia/Tokyo"}, "member")
        link = office.link()
        day = (datetime.now(UTC) + timedelta(days=2)).date()
        adds(office, feeds, f"DTSTART;VALUE=DATE:{day:%Y%m%d}")
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9)
        starts = [datetime.fromisoformat(one) for one in office.slots(link["slug"], days=4)]
        assert not [one for one in starts if begin <= one < begin + timedelta(days=1)]
        assert begin + timedelta(days=1) in starts

    def test_times_that_are_not_known_yet_are_not_offered(self, office: House, feeds: FeedServer) -> None:
        calendar = adds(office, feeds)
        known = datetime.fromisoformat(calendar["known_until"])
        body = {"name": "Far", "duration_minutes": 30, "booking_window_days": 400}
        link = office.link(meeting_type_id=office.post("/v1/meeting-types", body, "admin", 201)["id"])
        path = (
            f"/v1/book/{link['slug']}/slots?from={known.date()}&to={(known + timedelta(days=3)).date()}&time_zone=UTC"
        )
        ends = [datetime.fromisoformat(one["end"]) for one in office.get(path)["slots"]]
        assert ends == [one for one in ends if one <= known]
        office.log()  # the lists have the longer window by now
        after = refreshed(office, calendar)
        assert datetime.fromisoformat(after["known_until"]) > known + timedelta(days=300)
        assert len(office.get(path)["slots"]) == 4 * 48


class TestReading:
    """Looking again: only when something has changed, and what holds when a server does not answer."""

    def test_what_has_not_changed_is_not_sent_again(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        calendar = adds(office, feeds, entry(slots[1]))
        again = refreshed(office, calendar)
        assert feeds.headers[-1]["If-None-Match"]
        assert again["checked_at"] > calendar["checked_at"]
        assert slots[1] not in office.slots(link["slug"])
        rows(office, "UPDATE {schema}.busy_calendars SET read_at = read_at - interval '25 hours' RETURNING id")
        assert refreshed(office, again)["known_until"] > again["known_until"]
        assert "If-None-Match" not in feeds.headers[-1]

    def test_the_last_known_state_holds_and_its_person_is_warned(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        calendar = adds(office, feeds, entry(slots[1]))
        feeds.stop()
        failing = refreshed(office, calendar)
        assert failing["state"] == "failing"
        assert failing["problem"] == "The calendar's server could not be reached, or broke the connection off."
        assert failing["checked_at"] == calendar["checked_at"]
        assert slots[1] not in office.slots(link["slug"])
        later = refreshed(office, calendar)
        assert later["failing_since"] == failing["failing_since"]
        assert later["due_at"] > failing["due_at"]
        feeds.start()
        for wrong in ("<html>Sign in</html>", feed("DTSTART:never")):
            feeds.feeds["/julio.ics"] = wrong
            assert refreshed(office, calendar)["state"] == "failing"
            assert slots[1] not in office.slots(link["slug"])
        feeds.feeds["/julio.ics"] = feed(entry(slots[2]))
        mended = refreshed(office, calendar)
        assert (mended["state"], mended["problem"], mended["failing_since"]) == ("read", None, None)
        assert set(slots) - set(office.slots(link["slug"])) == {slots[2]}

    def test_waits_as_long_as_a_server_asks(self, office: House, feeds: FeedServer) -> None:
        calendar = adds(office, feeds)
        feeds.feeds["/julio.ics"] = lambda handler: sends(handler, 503, b"", {"Retry-After": "7200"})
        due = datetime.fromisoformat(refreshed(office, calendar)["due_at"])
        assert due > datetime.now(UTC) + timedelta(minutes=115)

    def test_removing_leaves_nothing(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        calendar = adds(office, feeds, entry(slots[1]))
        assert office.send("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "engineer").status_code == 404
        assert office.send("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "member").status_code == 204
        assert office.slots(link["slug"]) == slots
        assert calendars(office) == []
        for table in ("busy_calendars", "busy_intervals"):
            own = f"SELECT person_id FROM {{schema}}.{table} WHERE person_id = '{office.ids['member']}'"
            assert rows(office, own) == []


class TestRefusals:
    """A calendar that cannot be read is not kept, and the error names field and rule."""

    @pytest.mark.parametrize(
        ("answer", "rule"),
        [
            (None, "Its answer was 404"),
            ("<html></html>", "not an iCalendar feed"),
            (feed("DTSTART:20300310T100000Z\nRRULE:FREQ=SECONDLY"), "RRULE: an entry repeats more than 96 times a day"),
            (feed(f"DTSTART;TZID=Nowhere:{SOON:%Y%m%d}T100000"), "TZID: it names a time zone that is neither known"),
        ],
    )
    def test_what_is_there(self, office: House, feeds: FeedServer, answer: str | None, rule: str) -> None:
        if answer is not None:
            feeds.feeds["/secret.ics"] = answer
        refused = office.send("POST", "/v1/me/calendars", {"url": feeds.url("/secret.ics")}, "member")
        field, message = problem(refused)
        assert field == "url"
        assert rule in message
        assert "secret.ics" not in refused.text
        assert calendars(office) == []

    def test_where_it_is(self, house: House, feeds: FeedServer) -> None:
        """Without the setting, loopback is inside."""
        feeds.feeds["/a.ics"] = feed()
        refused = house.send("POST", "/v1/me/calendars", {"url": feeds.url("/a.ics")}, "member")
        assert problem(refused) == (
            "url",
            "This address leads into a private or reserved network, which is not read from here.",
        )
        assert feeds.asked == []

    def test_more_than_ten(self, office: House, feeds: FeedServer) -> None:
        added = adds(office, feeds)
        rows(
            office,
            "INSERT INTO {schema}.busy_calendars (id, person_id, kind, name, sealed, created_at, due_at) "
            "SELECT gen_random_uuid(), person_id, kind, name, sealed, created_at, '9990-01-01' "
            f"FROM {{schema}}.busy_calendars, generate_series(1, 9) WHERE id = '{added['id']}' RETURNING id",
        )
        refused = office.send("POST", "/v1/me/calendars", {"url": feeds.url("/julio.ics")}, "member")
        assert problem(refused)[1] == "One person can have 10 calendars at most. Remove one first."


def test_a_repeated_request_is_answered_again(office: House, feeds: FeedServer) -> None:
    feeds.feeds["/julio.ics"] = feed()
    body = {"url": feeds.url("/julio.ics"), "name": "Julio"}
    first = office.send("POST", "/v1/me/calendars", body, "member", Idempotency_Key="one")
    again = office.send("POST", "/v1/me/calendars", body, "member", Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert len(feeds.asked) == 1
    other = office.send("POST", "/v1/me/calendars", {**body, "name": "Other"}, "member", Idempotency_Key="one")
    assert other.json()["code"] == "idempotency_key_reused"


class TestConflicts:
    """A meeting that was booked stays booked, and it is said once that a calendar has something else then."""

    def test_is_said_once_for_each_time_of_the_meeting(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        calendar = adds(office, feeds)
        booking = office.book(link["slug"], slots[3])["booking"]["id"]
        other = office.book(link["slug"], slots[8])["booking"]["id"]
        feeds.feeds["/julio.ics"] = feed(entry(slots[3]), entry(slots[5], "2"))
        refreshed(office, calendar)
        refreshed(office, calendar)
        [found] = events(office)
        assert (str(found["stream_id"]), found["data"]["starts_at"]) == (booking, slots[3])
        assert found["data"]["host_id"] == office.ids["member"]
        assert "Dentist" not in str(found)
        assert office.get(f"/v1/bookings/{booking}", "member")["status"] == "scheduled"
        said = [row["sentence"] for row in office.get(f"/v1/history/streams/{booking}", "auditor")["items"]]
        assert any("found something else in the calendar of Member at the time of “Intro”" in one for one in said)
        moves(office, booking, slots[6])
        feeds.feeds["/julio.ics"] = feed(entry(slots[6]))
        refreshed(office, calendar)
        assert [one["data"]["starts_at"] for one in events(office)] == [slots[3], slots[6]]
        assert office.get(f"/v1/bookings/{other}", "member")["status"] == "scheduled"

    def test_a_meeting_in_its_own_hosts_calendar_is_no_conflict(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        booking = office.book(link["slug"], slots[3])["booking"]["id"]
        adds(office, feeds, entry(slots[3], f"{booking}@oncelink", minutes=60))
        assert events(office) == []
        moves(office, booking, slots[4])  # its own entry would be in the way

    def test_somebody_elses_meeting_is(self, office: House, feeds: FeedServer) -> None:
        """A person can be the guest of a colleague: then the meeting in their calendar keeps them busy."""
        link = office.link()
        slots = office.slots(link["slug"])
        booking = office.book(link["slug"], slots[3])["booking"]["id"]
        adds(office, feeds, entry(slots[3], f"{booking}@oncelink"), who="engineer")
        own = office.link("Engineer's", "engineer")
        assert slots[3] not in office.slots(own["slug"])

    def test_a_cancelled_meeting_has_none(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        booking = office.book(link["slug"], slots[3])["booking"]["id"]
        office.post(f"/v1/bookings/{booking}/cancel", {}, "member")
        adds(office, feeds, entry(slots[3]))
        assert events(office) == []
