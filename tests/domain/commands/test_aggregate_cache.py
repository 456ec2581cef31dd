"""What a process remembers may only feed a decision that appends: never a refusal, never an answer."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from tests.api_driver import House


@pytest.fixture
def other(house: House, settings: Settings) -> Iterator[House]:
    """A second process's view of the same organisation: its own memory over the same log."""
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        yield House(client, house.keys, house.ids)


def test_a_change_elsewhere_is_seen_by_the_next_booking(house: House, other: House) -> None:
    link = house.link()
    first, second, third, *_ = house.codes(link, 4)
    starts = house.slots(first)
    house.book(first, starts[0])
    other.post(f"/v1/links/{link['id']}/disable", None, "member")
    assert house.book(second, starts[1], expect=410)["code"] == "link_disabled"
    other.post(f"/v1/links/{link['id']}/enable", None, "member")
    house.book(second, starts[1])
    other.patch(f"/v1/meeting-types/{house.ids['type']}", {"duration_minutes": 60, "slot_step_minutes": 30}, "admin")
    booked = house.book(third, starts[4])["booking"]
    assert booked["meeting_type"]["duration_minutes"] == 60


def test_what_is_remembered_as_closed_is_read_again_before_refusing(house: House, other: House) -> None:
    link = house.link()
    [code] = house.codes(link)
    start = house.slots(code)[0]
    house.post(f"/v1/links/{link['id']}/disable", None, "member")
    other.post(f"/v1/links/{link['id']}/enable", None, "member")
    house.book(code, start)


def test_hours_given_elsewhere_are_on_offer_here(house: House, other: House) -> None:
    [code] = house.codes(house.link())
    start = house.slots(code)[0]
    house.patch("/v1/me", {"weekly_hours": {}}, "member")
    assert house.slots(code) == []
    other.patch(
        "/v1/me",
        {"weekly_hours": {d: [["00:00", "24:00"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}},
        "member",
    )
    assert start in house.slots(code)
    house.book(code, start)


def test_a_slug_that_moved_leads_to_the_new_link(house: House, other: House) -> None:
    first = house.link("First", slug="shared")
    assert house.get("/v1/book/shared")["kind"] == "standard"
    start = house.slots("shared")[0]
    house.book("shared", start)
    other.patch(f"/v1/links/{first['id']}", {"slug": "moved"}, "member")
    second = other.link("Second", who="engineer", slug="shared")
    booked = house.book("shared", house.slots("shared")[1])["booking"]
    assert booked["hosts"] == [{"name": "Engineer"}]
    assert [row["link"]["id"] for row in house.log(f"link_id={second['id']}")] == [second["id"]]


def test_a_role_taken_away_elsewhere_is_gone_at_once(house: House, other: House) -> None:
    house.get("/v1/managed-links", "manager")
    other.patch(f"/v1/people/{house.ids['manager']}", {"roles": ["member"]}, "admin")
    house.get("/v1/managed-links", "manager", expect=403)
