"""What `slots` offers can be booked, and nothing else can: over HTTP, with buffers and co-hosts in other zones."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api_driver import ApiDriver, extract_code

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {"mon": [["08:00", "12:00"], ["13:00", "17:30"]], "tue": [["20:00", "24:00"]], "wed": [["00:00", "04:00"]]}


def find_monday(weeks: int = 2) -> date:
    """A Monday to come."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 * weeks - today.weekday())


def list_offered_starts(api: ApiDriver, code: str, first: date, last: date) -> set[str]:
    """The starts that the link offers on these days."""
    body = api.get(f"/v1/book/{code}/slots?from={first}&to={last}&time_zone=UTC")
    return {slot["start"] for slot in body["slots"]}


def format_instant(instant: datetime) -> str:
    """An instant as the API writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def link(api: ApiDriver) -> Any:
    """A link with buffers and a fine grid, whose co-host works in another zone; one meeting is taken already."""
    api.patch("/v1/me", {"time_zone": "Europe/Berlin", "weekly_hours": HOURS}, "member")
    atlantic = {
        "time_zone": "Atlantic/Azores",
        "weekly_hours": {"mon": [["06:00", "15:00"]], "tue": [["12:00", "24:00"]]},
    }
    api.patch("/v1/me", atlantic, "engineer")
    rules = {"buffer_before_minutes": 10, "buffer_after_minutes": 5, "slot_step_minutes": 15}
    api.patch(f"/v1/meeting-types/{api.ids['type']}", rules, "admin")
    return api.create_link("Both", co_host_ids=[api.ids["engineer"]])


def test_every_time_of_a_day_is_booked_exactly_when_it_is_offered(api: ApiDriver, link: Any) -> None:
    day = find_monday()
    codes = api.create_codes(link, 100)
    api.book_meeting(codes.pop(), sorted(list_offered_starts(api, codes[0], day, day))[5])
    midnight = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    booked_count = 0
    for quarter in range(4 * 9):
        start = format_instant(midnight + timedelta(minutes=15 * quarter))
        code = codes.pop()
        expected = start in list_offered_starts(api, code, day, day)
        response = api.send_request("POST", f"/v1/book/{code}", {"start": start, "guest": GUEST})
        assert (response.status_code == 201) == expected, (start, response.text)
        if not expected:
            assert response.json()["code"] in {"slot_taken", "slot_not_offered"}
        booked_count += expected
    assert booked_count > 5


GUEST = {"name": "Grace", "email": "grace@guest.example", "time_zone": "Asia/Kolkata"}


def test_a_taken_time_and_a_time_never_on_offer_are_told_apart(api: ApiDriver, link: Any) -> None:
    day = find_monday()
    first, second_code, third = api.create_codes(link, 3)
    start = sorted(list_offered_starts(api, first, day, day))[4]
    api.book_meeting(first, start)
    assert api.book_meeting(second_code, start, expect=409)["code"] == "slot_taken"
    shifted = format_instant(datetime.fromisoformat(start) + timedelta(minutes=1))
    assert api.book_meeting(third, shifted, expect=422)["code"] == "slot_not_offered"
    assert (
        api.book_meeting(third, format_instant(datetime.now(UTC) - timedelta(hours=1)), expect=422)["code"]
        == "slot_not_offered"
    )


def test_a_meeting_may_run_over_midnight_where_hours_meet(api: ApiDriver, link: Any) -> None:
    api.patch(f"/v1/links/{link['id']}", {"co_host_ids": []}, "member")
    tuesday = find_monday() + timedelta(days=1)
    [code] = api.create_codes(link)
    late_start = datetime(tuesday.year, tuesday.month, tuesday.day, 23, 45, tzinfo=BERLIN)
    assert format_instant(late_start) in list_offered_starts(api, code, tuesday, tuesday + timedelta(days=1))
    booking = api.book_meeting(code, format_instant(late_start))
    assert datetime.fromisoformat(booking["booking"]["end"]).astimezone(BERLIN).date() == tuesday + timedelta(days=1)


def test_days_are_those_of_the_zone_asked_for(api: ApiDriver, link: Any) -> None:
    day = find_monday()
    [code] = api.create_codes(link)
    auckland = api.get(f"/v1/book/{code}/slots?from={day}&to={day}&time_zone=Pacific/Auckland")
    days = {
        datetime.fromisoformat(s["start"]).astimezone(ZoneInfo("Pacific/Auckland")).date() for s in auckland["slots"]
    }
    assert days <= {day}
    all_starts = list_offered_starts(api, code, day - timedelta(days=1), day + timedelta(days=1))
    assert {slot["start"] for slot in auckland["slots"]} <= all_starts


def test_rescheduling_may_overlap_its_own_time_and_no_other(api: ApiDriver, link: Any) -> None:
    day = find_monday()
    own_code, other_code = api.create_codes(link, 2)
    starts = sorted(list_offered_starts(api, own_code, day, day))
    manage = extract_code(api.book_meeting(own_code, starts[0])["manage_url"])
    api.book_meeting(other_code, starts[8])
    free = api.get(f"/v1/manage/{manage}/slots?from={day}&to={day}&time_zone=UTC")["slots"]
    assert {starts[0], starts[1]} <= {slot["start"] for slot in free}
    assert starts[8] not in {slot["start"] for slot in free}
    booking = api.post(f"/v1/manage/{manage}/reschedule", {"start": starts[1]})
    assert booking["booking"]["start"] == starts[1]
    assert api.post(f"/v1/manage/{manage}/reschedule", {"start": starts[8]}, expect=409)["code"] == "slot_taken"


def test_nobody_is_offered_while_a_host_or_co_host_is_out_of_service(api: ApiDriver, link: Any) -> None:
    day = find_monday()
    [code] = api.create_codes(link)
    start = sorted(list_offered_starts(api, code, day, day))[0]
    api.post(f"/v1/people/{api.ids['engineer']}/deactivate", None, "admin")
    assert list_offered_starts(api, code, day, day) == set()
    assert api.book_meeting(code, start, expect=422)["code"] == "slot_not_offered"
    api.post(f"/v1/people/{api.ids['engineer']}/activate", None, "admin")
    api.book_meeting(code, start)
