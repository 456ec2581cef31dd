"""Limits, holidays and absences over HTTP: what is full or a day off is not on offer, and not booked."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.api.refusals import assert_problem
from tests.api_driver import GUEST, ApiDriver, extract_code

LATER = datetime.now(UTC).date() + timedelta(days=21)
MONDAY = LATER - timedelta(days=LATER.weekday())


def list_days(api: ApiDriver, code: str, first: date = MONDAY, days: int = 14) -> set[str]:
    """The days from a Monday on that have slots."""
    query = f"from={first}&to={first + timedelta(days=days - 1)}&time_zone=UTC"
    return {slot["start"][:10] for slot in api.get(f"/v1/book/{code}/slots?{query}")["slots"]}


def book(api: ApiDriver, code: str, day: date, hour: int, expect: int = 201) -> Any:
    """Book a meeting."""
    return api.post(f"/v1/book/{code}", {"start": f"{day}T{hour:02}:00:00Z", "guest": GUEST}, None, expect)


def list_dates(first: date, count: int) -> set[str]:
    """The dates from a first one on."""
    return {(first + timedelta(days=number)).isoformat() for number in range(count)}


def test_a_full_day_and_a_full_week_are_not_offered(api: ApiDriver) -> None:
    link = api.create_link(slug="busy")
    [code] = api.create_codes(link)
    api.patch("/v1/me", {"limits": {"per_day": 2, "per_week": 3}}, "member")
    first = book(api, "busy", MONDAY, 9)
    assert MONDAY.isoformat() in list_days(api, "busy")
    book(api, "busy", MONDAY, 10)
    # the core link, and an unused single-use link issued before, follow at once
    assert list_days(api, "busy") == list_days(api, code) == list_dates(MONDAY + timedelta(days=1), 13)
    assert book(api, code, MONDAY, 12, 409)["code"] == "slot_taken"
    manage = f"/v1/manage/{extract_code(first['manage_url'])}"
    # a rescheduling does not count itself: not in what it is shown, and not when it is decided
    query = f"from={MONDAY}&to={MONDAY}&time_zone=UTC"
    assert api.get(f"{manage}/slots?{query}")["slots"]
    api.post(f"{manage}/reschedule", {"start": f"{MONDAY}T15:00:00Z"})
    book(api, "busy", MONDAY + timedelta(days=6), 23)
    assert list_days(api, "busy") == list_dates(MONDAY + timedelta(days=7), 7)
    # what is cancelled frees day and week
    api.post(f"{manage}/cancel", {})
    assert list_days(api, "busy") == list_dates(MONDAY, 14)
    book(api, code, MONDAY, 12)
    # without limits again, everything is back
    api.patch("/v1/me", {"limits": None}, "member")
    assert list_days(api, "busy") == list_dates(MONDAY, 14)


def test_a_meeting_type_has_limits_for_each_of_its_hosts(api: ApiDriver) -> None:
    limited = api.post(
        "/v1/meeting-types", {"name": "Demo", "duration_minutes": 30, "limits": {"per_day": 1}}, "admin", 201
    )
    assert limited["limits"] == {"per_day": 1, "per_week": None}
    api.create_link(slug="demo", meeting_type_id=limited["id"])
    api.create_link(slug="demo-2", meeting_type_id=limited["id"], who="engineer")
    api.create_link(slug="intro")
    book(api, "demo", MONDAY, 9)
    assert MONDAY.isoformat() not in list_days(api, "demo")
    assert book(api, "demo", MONDAY, 10, 409)["code"] == "slot_taken"
    book(api, "intro", MONDAY, 10)  # other types do not count
    booking = book(api, "demo-2", MONDAY, 15)["booking"]  # other people's meetings do not count
    # somebody whose day is full is not given one more
    body = {"host_id": api.ids["member"]}
    path = f"/v1/bookings/{booking['id']}/reassign"
    assert "not free" in api.post(path, body, "manager", 409)["detail"]
    api.patch(f"/v1/meeting-types/{limited['id']}", {"limits": {"per_day": 3, "per_week": 2}}, "admin")
    assert MONDAY.isoformat() in list_days(api, "demo")
    changed = api.patch(f"/v1/meeting-types/{limited['id']}", {"limits": None}, "admin")
    assert changed["limits"] == {"per_day": None, "per_week": None}


def check_guests_are_told(api: ApiDriver, codes: list[str], absence: Any, colleague: Any) -> None:
    """Check that guests of a link and a single-use link read who is away, and get to the colleague while they can."""
    public = {"name": "Member", "from": absence["from"], "to": absence["to"], "message": absence["message"]}
    instead = {"name": "Engineer", "url": colleague["url"]}
    for path, code in zip(("/book", "/s"), codes, strict=True):
        assert api.get(f"/v1/book/{code}")["absences"] == [{**public, "instead": instead}]
        page = api.client.get(f"{path}/{code}?day={absence['to']}").text
        [notice] = re.findall(r'<p class="notice[^>]*data-away.*?</p>', page)
        assert "hidden" not in notice.partition(">")[0]
        assert f'href="{colleague["url"]}"' in notice
        text = re.sub("<.*?>", "", notice).strip()
        assert text.startswith("Member is away from Monday")
        assert text.endswith(f"{date.fromisoformat(absence['to']).year}. On parental leave. Meet Engineer instead")
        other = (date.fromisoformat(absence["to"]) + timedelta(days=31)).isoformat()[:7]
        assert re.search(r"<p[^>]*data-away[^>]* hidden>", api.client.get(f"{path}/{code}?month={other}").text)
    changed = api.patch(f"/v1/links/{colleague['id']}", {"single_use_only": True}, "engineer")
    assert api.get(f"/v1/book/{codes[0]}")["absences"] == [{**public, "instead": None}]
    api.patch(f"/v1/links/{changed['id']}", {"single_use_only": False}, "engineer")
    api.post(f"/v1/links/{changed['id']}/disable", None, "engineer")
    assert api.get(f"/v1/book/{codes[1]}")["absences"] == [{**public, "instead": None}]


def test_holidays_and_absences_are_days_off(api: ApiDriver) -> None:
    link = api.create_link(slug="away")
    colleague = api.create_link(slug="stand-in", who="engineer")
    absence = {
        "from": MONDAY.isoformat(),
        "to": (MONDAY + timedelta(days=4)).isoformat(),
        "message": "On parental leave.",
        "instead_link_id": colleague["id"],
    }
    me = api.patch("/v1/me", {"absences": [absence]}, "member")
    assert me["absences"] == [absence]
    assert list_days(api, link["slug"]) == list_dates(MONDAY + timedelta(days=5), 9)
    assert book(api, "away", MONDAY, 9, 422)["code"] == "slot_not_offered"
    check_guests_are_told(api, [link["slug"], *api.create_codes(link)], absence, colleague)
    christmas = date(LATER.year, 12, 25) if date(LATER.year, 12, 22) > LATER else date(LATER.year + 1, 12, 25)
    wide = api.post(
        "/v1/meeting-types", {"name": "Wide", "duration_minutes": 30, "booking_window_days": 800}, "admin", 201
    )
    api.create_link(slug="wide", meeting_type_id=wide["id"])
    holidays = {"country": "DE", "region": "BY", "except": []}
    assert api.patch("/v1/me", {"absences": [], "holidays": holidays}, "member")["holidays"] == holidays
    assert christmas.isoformat() not in list_days(api, "wide", christmas - timedelta(days=2), 5)
    holidays["except"] = [christmas.isoformat()]
    assert api.patch("/v1/me", {"holidays": holidays}, "member")["holidays"] == holidays
    assert christmas.isoformat() in list_days(api, "wide", christmas - timedelta(days=2), 5)
    assert api.patch("/v1/me", {"holidays": None}, "member")["holidays"] is None


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("limits", {"per_day": 0}, "limits.per_day"),
        ("limits", {"per_month": 3}, "limits.per_month"),
        ("holidays", {"country": "XX"}, "holidays.country"),
        ("holidays", {"country": "Germany"}, "holidays.country"),
        ("holidays", {"country": "DE", "region": "ZZ"}, "holidays.region"),
        ("holidays", {"country": "DE", "except": ["2026-02-30"]}, "holidays.except.0"),
        ("absences", [{"from": "2027-03-05", "to": "2027-03-01"}], "absences.0"),
        ("absences", [{"from": "2027-03-05"}], "absences.0.to"),
        ("absences", None, "absences"),
        (
            "absences",
            [{"from": "2027-03-01", "to": "2027-03-05", "instead_link_id": "00000000-0000-4000-8000-000000000001"}],
            "absences.instead_link_id",
        ),
    ],
)
def test_bad_input_names_the_field(shared_api: ApiDriver, field: str, value: object, at: str) -> None:
    response = shared_api.send_request("PATCH", "/v1/me", {field: value}, "member")
    assert_problem(response, 422, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [at]


def test_members_of_a_team_keep_their_limits_and_days_off(api: ApiDriver) -> None:
    for who in ("engineer", "manager"):
        api.patch("/v1/me", {"limits": {"per_day": 1}}, who)
    away = {"from": (MONDAY + timedelta(days=1)).isoformat(), "to": (MONDAY + timedelta(days=1)).isoformat()}
    api.patch("/v1/me", {"absences": [away]}, "engineer")
    api.create_link(slug="together", team_id=api.create_team("engineer", "manager")["id"])
    for hour in (9, 11):
        book(api, "together", MONDAY, hour)
        assert (MONDAY.isoformat() in list_days(api, "together")) is (hour == 9)
    assert book(api, "together", MONDAY, 13, 409)["code"] == "slot_taken"
    tuesday = MONDAY + timedelta(days=1)
    assert tuesday.isoformat() in list_days(api, "together")
    book(api, "together", tuesday, 9)  # the manager: the engineer is away
    assert tuesday.isoformat() not in list_days(api, "together")
    rows = api.list_meetings("sort=starts_at")
    chosen = [{host["id"] for host in row["co_hosts"]} for row in rows]
    assert chosen[0] | chosen[1] == {api.ids["engineer"], api.ids["manager"]}
    assert chosen[2] == {api.ids["manager"]}
