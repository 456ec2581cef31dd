"""What `slots` offers can be booked, and nothing else can: over HTTP, with buffers and co-hosts in other zones."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api_driver import House, code_of

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {"mon": [["08:00", "12:00"], ["13:00", "17:30"]], "tue": [["20:00", "24:00"]], "wed": [["00:00", "04:00"]]}


def monday(weeks: int = 2) -> date:
    """A Monday to come."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 * weeks - today.weekday())


def offered(house: House, code: str, first: date, last: date) -> set[str]:
    """The starts that the link offers on these days."""
    found = house.get(f"/v1/book/{code}/slots?from={first}&to={last}&time_zone=UTC")
    return {slot["start"] for slot in found["slots"]}


def spelled(instant: datetime) -> str:
    """An instant as the API writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def link(house: House) -> Any:
    """A link with buffers and a fine grid, whose co-host works in another zone; one meeting is taken already."""
    house.patch("/v1/me", {"time_zone": "Europe/Berlin", "weekly_hours": HOURS}, "member")
    atlantic = {
        "time_zone": "Atlantic/Azores",
        "weekly_hours": {"mon": [["06:00", "15:00"]], "tue": [["12:00", "24:00"]]},
    }
    house.patch("/v1/me", atlantic, "engineer")
    rules = {"buffer_before_minutes": 10, "buffer_after_minutes": 5, "slot_step_minutes": 15}
    house.patch(f"/v1/meeting-types/{house.ids['type']}", rules, "admin")
    return house.link("Both", co_host_ids=[house.ids["engineer"]])


def test_every_time_of_a_day_is_booked_exactly_when_it_is_offered(house: House, link: Any) -> None:
    day = monday()
    codes = house.codes(link, 100)
    house.book(codes.pop(), sorted(offered(house, codes[0], day, day))[5])
    midnight = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    booked = 0
    for quarter in range(4 * 9):
        start = spelled(midnight + timedelta(minutes=15 * quarter))
        code = codes.pop()
        expected = start in offered(house, code, day, day)
        answer = house.send("POST", f"/v1/book/{code}", {"start": start, "guest": GUEST})
        assert (answer.status_code == 201) == expected, (start, answer.text)
        if not expected:
            assert answer.json()["code"] in {"slot_taken", "slot_not_offered"}
        booked += expected
    assert booked > 5


GUEST = {"name": "Grace", "email": "grace@guest.example", "time_zone": "Asia/Kolkata"}


def test_a_taken_time_and_a_time_never_on_offer_are_told_apart(house: House, link: Any) -> None:
    day = monday()
    first, second, third = house.codes(link, 3)
    start = sorted(offered(house, first, day, day))[4]
    house.book(first, start)
    assert house.book(second, start, expect=409)["code"] == "slot_taken"
    shifted = spelled(datetime.fromisoformat(start) + timedelta(minutes=1))
    assert house.book(third, shifted, expect=422)["code"] == "slot_not_offered"
    assert house.book(third, spelled(datetime.now(UTC) - timedelta(hours=1)), expect=422)["code"] == "slot_not_offered"


def test_a_meeting_may_run_over_midnight_where_hours_meet(house: House, link: Any) -> None:
    house.patch(f"/v1/links/{link['id']}", {"co_host_ids": []}, "member")
    tuesday = monday() + timedelta(days=1)
    [code] = house.codes(link)
    late = datetime(tuesday.year, tuesday.month, tuesday.day, 23, 45, tzinfo=BERLIN)
    assert spelled(late) in offered(house, code, tuesday, tuesday + timedelta(days=1))
    made = house.book(code, spelled(late))
    assert datetime.fromisoformat(made["booking"]["end"]).astimezone(BERLIN).date() == tuesday + timedelta(days=1)


def test_days_are_those_of_the_zone_asked_for(house: House, link: Any) -> None:
    day = monday()
    [code] = house.codes(link)
    auckland = house.get(f"/v1/book/{code}/slots?from={day}&to={day}&time_zone=Pacific/Auckland")
    days = {
        datetime.fromisoformat(s["start"]).astimezone(ZoneInfo("Pacific/Auckland")).date() for s in auckland["slots"]
    }
    assert days <= {day}
    whole = offered(house, code, day - timedelta(days=1), day + timedelta(days=1))
    assert {slot["start"] for slot in auckland["slots"]} <= whole


def test_rescheduling_may_overlap_its_own_time_and_no_other(house: House, link: Any) -> None:
    day = monday()
    mine, other = house.codes(link, 2)
    starts = sorted(offered(house, mine, day, day))
    manage = code_of(house.book(mine, starts[0])["manage_url"])
    house.book(other, starts[8])
    free = house.get(f"/v1/manage/{manage}/slots?from={day}&to={day}&time_zone=UTC")["slots"]
    assert {starts[0], starts[1]} <= {slot["start"] for slot in free}
    assert starts[8] not in {slot["start"] for slot in free}
    moved = house.post(f"/v1/manage/{manage}/reschedule", {"start": starts[1]})
    assert moved["booking"]["start"] == starts[1]
    assert house.post(f"/v1/manage/{manage}/reschedule", {"start": starts[8]}, expect=409)["code"] == "slot_taken"


def test_nobody_is_offered_while_a_host_or_co_host_is_out_of_service(house: House, link: Any) -> None:
    day = monday()
    [code] = house.codes(link)
    start = sorted(offered(house, code, day, day))[0]
    house.post(f"/v1/people/{house.ids['engineer']}/deactivate", None, "admin")
    assert offered(house, code, day, day) == set()
    assert house.book(code, start, expect=422)["code"] == "slot_not_offered"
    house.post(f"/v1/people/{house.ids['engineer']}/activate", None, "admin")
    house.book(code, start)
