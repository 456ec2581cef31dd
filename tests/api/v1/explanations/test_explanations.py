"""Why a time is on offer or not: over HTTP and on the link's page, now and as it was, and what is told to whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver

LATER = datetime.now(UTC).date() + timedelta(days=14)
MONDAY = LATER - timedelta(days=LATER.weekday())


def explain(api: ApiDriver, link: Any, start: str, who: str = "member", at: object = None) -> Any:
    """The explanation of a start."""
    return api.get(f"/v1/links/{link['id']}/explain?start={start}" + (f"&at={at}" if at is not None else ""), who)


def list_failures(explanation: Any) -> list[str]:
    """The policies that do not pass."""
    return [verdict["policy"] for verdict in explanation["verdicts"] if not verdict["passes"]]


def test_agrees_with_what_guests_are_offered_all_day(shared_api: ApiDriver) -> None:
    link = shared_api.create_link("Whole day", slug="whole-day")
    start = f"{MONDAY}T09:00:00Z"
    shared_api.post("/v1/book/whole-day", {"start": start, "guest": GUEST}, None, 201)
    day = f"from={MONDAY}&to={MONDAY}&time_zone=UTC"
    offered = {slot["start"] for slot in shared_api.get(f"/v1/book/whole-day/slots?{day}")["slots"]}
    assert offered
    for half_hours in range(48):
        at = f"{MONDAY}T{half_hours // 2:02}:{half_hours % 2 * 30:02}:00Z"
        assert explain(shared_api, link, at)["on_offer"] == (at in offered), at


def test_names_what_fills_the_time_to_its_owner_alone(shared_api: ApiDriver) -> None:
    co_hosts = [shared_api.ids["engineer"]]
    link = shared_api.create_link("Two hosts", slug="two-hosts", co_host_ids=co_hosts)
    start = f"{MONDAY + timedelta(days=1)}T09:00:00Z"
    booking = shared_api.post("/v1/book/two-hosts", {"start": start, "guest": GUEST}, None, 201)["booking"]
    for who, is_named in (("member", True), ("manager", False), ("auditor", False)):
        explanation = explain(shared_api, link, start, who)
        assert list_failures(explanation) == ["time", "time"]
        busy = [verdict for verdict in explanation["verdicts"] if not verdict["passes"]]
        booking_ids = [filling["booking_id"] for verdict in busy for filling in verdict["fillings"] or []]
        assert booking_ids == ([booking["id"]] if is_named else [])
    assert GUEST["name"] not in str(explanation)


def test_as_it_was_at_a_position_or_an_instant(shared_api: ApiDriver) -> None:
    link = shared_api.create_link("Then", slug="then")
    before = find_last_position(shared_api)
    start = f"{MONDAY + timedelta(days=2)}T09:00:00Z"
    manage_url = shared_api.post("/v1/book/then", {"start": start, "guest": GUEST}, None, 201)["manage_url"]
    booked_position = find_last_position(shared_api)
    shared_api.post(f"/v1/manage/{manage_url.rsplit('/', 1)[1]}/cancel", {})
    shared_api.patch("/v1/me", {"weekly_hours": {"mon": [["10:00", "11:00"]]}}, "member")
    try:
        assert list_failures(explain(shared_api, link, start)) == ["grid", "hours"]
        then = explain(shared_api, link, start, "auditor", booked_position)
        assert (list_failures(then), then["position"]) == (["time"], booked_position)
        assert "calendars" in then["unknown"]
        free = explain(shared_api, link, start, "member", before)
        assert (free["on_offer"], list_failures(free)) == (True, [])
        assert explain(shared_api, link, start, "member", free["at"])["on_offer"]
        path = f"/v1/links/{link['id']}/explain?start={start}&at=1"
        assert_problem(shared_api.send_request("GET", path, who="member"), 404, "not_found")
    finally:
        shared_api.patch("/v1/me", {"weekly_hours": {day: [["09:00", "17:00"]] for day in DAYS}}, "member")


DAYS = ("mon", "tue", "wed", "thu", "fri")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start=x",
        "start=2030-01-01T09:00:00",
        "start=9999-12-31T23:59:59Z",
        "start=0001-01-01T00:00:00Z",
        "start=2030-01-01T09:00:00Z&at=x",
        f"start={MONDAY}T09:00:00Z&at=9999999",
    ],
)
def test_bad_input(shared_api: ApiDriver, query: str) -> None:
    link = shared_api.create_link("Bad input")
    path = f"/v1/links/{link['id']}/explain?{query}"
    assert_problem(shared_api.send_request("GET", path, who="member"), 422, "invalid")


def test_a_team_is_judged_member_by_member(shared_api: ApiDriver) -> None:
    team = shared_api.create_team("engineer", name="Judged")
    link = shared_api.create_link("Team link", slug="judged", team_id=team["id"])
    start = f"{MONDAY + timedelta(days=3)}T09:00:00Z"
    assert explain(shared_api, link, start)["on_offer"]
    shared_api.create_link("Engineer", "manager", slug="only-engineer", co_host_ids=[shared_api.ids["engineer"]])
    shared_api.post("/v1/book/only-engineer", {"start": start, "guest": GUEST}, None, 201)
    explanation = explain(shared_api, link, start)
    assert list_failures(explanation) == ["team", "time"]
    assert [verdict["reason"] for verdict in explanation["verdicts"] if verdict["policy"] == "team"] == [
        "Nobody of Judged is free."
    ]


class TestThePage:
    """`/links/{id}/why`."""

    def test_shows_stretches_of_a_day_and_their_reasons(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Page", slug="why-page")
        position = find_last_position(shared_api)
        day = MONDAY + timedelta(days=4)
        shared_api.post("/v1/book/why-page", {"start": f"{day}T10:00:00Z", "guest": GUEST}, None, 201)
        page = PageClient(shared_api, "member").get(f"/links/{link['id']}/why?day={day}")
        text = extract_text(page)
        assert "09:00 – 09:30" in text or "09:00–09:30" in text.replace(" ", "")
        assert "Your meeting" in text
        assert "/meeting-log/" in page.text
        auditor = extract_text(PageClient(shared_api, "auditor").get(f"/links/{link['id']}/why?day={day}"))
        assert "is busy" in auditor
        assert "Your meeting" not in auditor
        then = PageClient(shared_api, "auditor").get(f"/links/{link['id']}/why?day={day}&at={position}")
        assert "As it was" in extract_text(then)
        assert "is busy" not in extract_text(then)

    def test_says_what_is_wrong_with_an_instant(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Page errors")
        client = PageClient(shared_api, "member")
        for at in ("nonsense", "2001-01-01T00:00", "2999-01-01T00:00"):
            page = client.get(f"/links/{link['id']}/why?at={at}")
            assert page.status_code == 422
            assert 'aria-invalid="true"' in page.text
        assert PageClient(shared_api, "analyst").get(f"/links/{link['id']}/why").status_code in (403, 404)
