"""One's own calendar of meetings at a secret address: what it shows, to whom, and for how long."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from api.http import dependencies
from tests.api.pages.page_client import Visitor, text_of
from tests.api.refusals import head, listed, refused
from tests.api_driver import GUEST, House, code_of

FEED = "/v1/me/calendar-feed"


def path_of(house: House, who: str, **headers: str) -> str:
    """The path of a new address of somebody's."""
    url: str = house.post(FEED, None, who, 201, **headers)["url"]
    assert url.startswith("http://testserver/calendar/")
    return url.removeprefix("http://testserver")


def entries(house: House, path: str) -> dict[str, Any]:
    """What a calendar shows once the lists have everything, by the ids of the bookings."""
    listed(house, "/v1/meeting-log", "manager")
    answer = house.send("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    events = Calendar.from_ical(answer.text).walk("VEVENT")
    return {str(event["uid"]).removesuffix("@oncelink"): event for event in events}


def booked(house: House, slug: str, place: int) -> tuple[str, str, str]:
    """A booking: its id, its start, and the code of its own page."""
    made = house.book(slug, house.slots(slug)[place])
    return made["booking"]["id"], made["booking"]["start"], code_of(made["manage_url"])


class TestShows:
    """The meetings that somebody hosts or co-hosts, as they are."""

    def test_meetings_that_follow_what_happens(self, house: House) -> None:
        house.link("Alone", slug="alone")
        house.link("Both", slug="both", co_host_ids=[house.ids["engineer"]])
        mine, theirs = path_of(house, "member"), path_of(house, "engineer")
        assert entries(house, mine) == {}
        first, start, manage = booked(house, "alone", 0)
        second, _, _ = booked(house, "both", 3)
        shown = entries(house, mine)
        assert (shown.keys(), entries(house, theirs).keys()) == ({first, second}, {second})
        assert shown[first]["dtstart"].dt == datetime.fromisoformat(start)
        assert (int(shown[first]["sequence"]), str(shown[first]["status"])) == (0, "CONFIRMED")
        assert str(shown[first]["summary"]) == f"Intro with {GUEST['name']}"
        file = Calendar.from_ical(house.send("GET", f"/m/{manage}/meeting.ics").text).walk("VEVENT")[0]
        assert (str(file["uid"]), int(file["sequence"])) == (str(shown[first]["uid"]), 0)

        later = house.slots("alone")[8]
        house.post(f"/v1/manage/{manage}/reschedule", {"start": later})
        moved = entries(house, mine)[first]
        assert (moved["dtstart"].dt, int(moved["sequence"])) == (datetime.fromisoformat(later), 1)
        house.post(f"/v1/bookings/{first}/reassign", {"host_id": house.ids["engineer"]}, "manager")
        assert (entries(house, mine).keys(), entries(house, theirs).keys()) == ({second}, {first, second})
        assert int(entries(house, theirs)[first]["sequence"]) == 2
        house.post(f"/v1/bookings/{second}/cancel", {}, "manager")
        assert (entries(house, mine), entries(house, theirs).keys()) == ({}, {first})

    def test_thirty_days_back(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        house.link("Alone", slug="alone")
        path = path_of(house, "member")
        id, start, _ = booked(house, "alone", 0)
        for days, expected in ((29, {id}), (31, set())):
            then = datetime.fromisoformat(start) + timedelta(days=days)
            monkeypatch.setattr(dependencies, "now", lambda then=then: then)
            assert entries(house, path).keys() == expected

    def test_an_erased_guest_is_nobody(self, house: House) -> None:
        house.link("Alone", slug="alone")
        path = path_of(house, "member")
        id, _, _ = booked(house, "alone", 0)
        house.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        assert str(entries(house, path)[id]["summary"]) == "Intro with a guest"
        assert "grace" not in house.send("GET", path).text.lower()

    def test_many_meetings_take_few_questions(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        house.link("Alone", slug="alone")
        path = path_of(house, "member")
        for place in range(8):
            booked(house, "alone", place)
        assert len(entries(house, path)) == 8
        asked = []
        rows = house.oncelink.database.rows
        monkeypatch.setattr(
            type(house.oncelink.database), "rows", lambda _, *given: asked.append(given) or rows(*given)
        )
        house.send("GET", path)
        assert 0 < len(asked) <= 10


class TestKeptFresh:
    """ETag and what calendars and the log are told."""

    def test_not_modified(self, house: House) -> None:
        house.link("Alone", slug="alone")
        path = path_of(house, "member")
        answer = house.send("GET", path)
        etag = answer.headers["etag"]
        assert answer.headers["cache-control"] == "private, no-cache"
        assert (answer.headers["x-robots-tag"], answer.headers["referrer-policy"]) == ("noindex", "no-referrer")
        for known in (etag, f'"x", W/{etag}'):
            again = house.send("GET", path, None, None, If_None_Match=known)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        booked(house, "alone", 0)
        entries(house, path)
        changed = house.send("GET", path, None, None, If_None_Match=etag)
        assert (changed.status_code, changed.headers["etag"] == etag) == (200, False)
        assert house.send("HEAD", path).status_code == 200

    def test_no_code_in_the_log(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        path = path_of(house, "member")
        with caplog.at_level(logging.DEBUG):
            assert house.send("GET", path).status_code == 200
        ours = [record.getMessage() for record in caplog.records if record.name.startswith(("oncelink", "uvicorn"))]
        assert any("/calendar/{code" in line for line in ours)
        assert not any(path.removeprefix("/calendar/").removesuffix(".ics") in line for line in ours)

    def test_no_code_in_the_database(self, house: House) -> None:
        code = path_of(house, "member").removeprefix("/calendar/").removesuffix(".ics")
        [row] = house.oncelink.database.rows("SELECT f::text AS all FROM {schema}.calendar_feeds AS f")
        assert code not in row["all"]


class TestEnds:
    """Revoked, made anew, or its person gone: nothing can be told from the answer."""

    def test_unknown_ones_are_all_alike(self, house: House) -> None:
        path = path_of(house, "member")
        house.link("Alone", slug="alone")
        _, _, manage = booked(house, "alone", 0)
        newer = path_of(house, "member")
        house.send("DELETE", FEED, who="member")
        answers = [
            house.send("GET", one)
            for one in (path, newer, "/calendar/x.ics", f"/calendar/{manage}.ics", path[:-4], "/calendar/a/b.ics")
        ]
        assert {answer.status_code for answer in answers} == {404}
        bodies = {(answer.content, tuple(sorted(set(answer.headers) - {"x-request-id"}))) for answer in answers}
        assert len(bodies) == 1
        code = path.removeprefix("/calendar/").removesuffix(".ics")
        refused(house.send("GET", f"/v1/book/{code}"), 404, "link_not_found")
        refused(house.send("GET", f"/v1/manage/{code}"), 404, "link_not_found")

    def test_one_at_a_time(self, house: House) -> None:
        first = path_of(house, "member")
        second = path_of(house, "member")
        assert [house.send("GET", path).status_code for path in (first, second)] == [404, 200]
        assert house.get(FEED, "member")["url"].endswith(second)
        assert house.get(FEED, "engineer") == {"url": None, "created_at": None}
        assert house.send("DELETE", FEED, who="member").status_code == 204
        assert house.send("DELETE", FEED, who="member").status_code == 204
        assert house.get(FEED, "member")["url"] is None

    def test_a_repeated_request_makes_no_other(self, house: House) -> None:
        first = house.send("POST", FEED, None, "member", Idempotency_Key="k")
        again = house.send("POST", FEED, None, "member", Idempotency_Key="k")
        assert (first.json(), again.json()) == (first.json(), first.json())
        assert again.headers["idempotent-replayed"] == "true"
        house.send("DELETE", FEED, who="member")
        assert house.send("POST", FEED, None, "member", Idempotency_Key="k").json() == first.json()
        assert house.get(FEED, "member")["url"] is None, "a late retry does not bring it back"

    def test_with_its_person(self, house: House) -> None:
        path = path_of(house, "engineer")
        before = head(house)
        assert house.send("GET", path).status_code == 200
        assert head(house) == before
        house.post(f"/v1/people/{house.ids['engineer']}/deactivate", None, "admin")
        assert house.send("GET", path).status_code == 404
        house.post(f"/v1/people/{house.ids['engineer']}/activate", None, "admin")
        assert house.send("GET", path).status_code == 404, "it has ended, as keys and sessions have"


def test_the_settings_show_make_and_end_it(house: House) -> None:
    visitor = Visitor(house, "member")
    assert "Make an address" in text_of(visitor.get("/settings"))
    assert visitor.post("/settings/calendar").status_code == 303
    url = house.get(FEED, "member")["url"]
    assert f'value="{url}"' in visitor.get("/settings").text
    assert visitor.post("/settings/calendar").status_code == 303
    assert house.get(FEED, "member")["url"] != url
    assert visitor.post("/settings/calendar/end").status_code == 303
    assert house.get(FEED, "member")["url"] is None
