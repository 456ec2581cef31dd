"""The aggregate cache of a process is used only for decisions that append, never for refusals or responses."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from domain.commands.aggregate_cache import AggregateCache
from tests.api_driver import ApiDriver
from tests.domain.example import create_link, issue_token


@pytest.fixture
def other_api(api: ApiDriver, settings: Settings) -> Iterator[ApiDriver]:
    """A second process on the same organisation: its own cache over the same log."""
    with TestClient(build_app(settings), raise_server_exceptions=False) as client:
        yield ApiDriver(client, api.keys, api.ids)


def test_a_change_elsewhere_is_seen_by_the_next_booking(api: ApiDriver, other_api: ApiDriver) -> None:
    link = api.create_link()
    first, second, third, *_ = api.create_codes(link, 4)
    starts = api.list_slots(first)
    api.book_meeting(first, starts[0])
    other_api.post(f"/v1/links/{link['id']}/disable", None, "member")
    assert api.book_meeting(second, starts[1], expect=410)["code"] == "link_disabled"
    other_api.post(f"/v1/links/{link['id']}/enable", None, "member")
    api.book_meeting(second, starts[1])
    other_api.patch(f"/v1/meeting-types/{api.ids['type']}", {"duration_minutes": 60, "slot_step_minutes": 30}, "admin")
    booking = api.book_meeting(third, starts[4])["booking"]
    assert booking["meeting_type"]["duration_minutes"] == 60


def test_what_is_remembered_as_closed_is_read_again_before_refusing(api: ApiDriver, other_api: ApiDriver) -> None:
    link = api.create_link()
    [code] = api.create_codes(link)
    start = api.list_slots(code)[0]
    api.post(f"/v1/links/{link['id']}/disable", None, "member")
    other_api.post(f"/v1/links/{link['id']}/enable", None, "member")
    api.book_meeting(code, start)


def test_hours_given_elsewhere_are_on_offer_here(api: ApiDriver, other_api: ApiDriver) -> None:
    [code] = api.create_codes(api.create_link())
    start = api.list_slots(code)[0]
    api.patch("/v1/me", {"weekly_hours": {}}, "member")
    assert api.list_slots(code) == []
    other_api.patch(
        "/v1/me",
        {"weekly_hours": {d: [["00:00", "24:00"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}},
        "member",
    )
    assert start in api.list_slots(code)
    api.book_meeting(code, start)


def test_a_slug_that_moved_leads_to_the_new_link(api: ApiDriver, other_api: ApiDriver) -> None:
    first = api.create_link("First", slug="shared")
    assert api.get("/v1/book/shared")["kind"] == "standard"
    start = api.list_slots("shared")[0]
    api.book_meeting("shared", start)
    other_api.patch(f"/v1/links/{first['id']}", {"slug": "moved"}, "member")
    second = other_api.create_link("Second", who="engineer", slug="shared")
    booking = api.book_meeting("shared", api.list_slots("shared")[1])["booking"]
    assert booking["hosts"] == [{"name": "Engineer"}]
    assert [row["link"]["id"] for row in api.list_meetings(f"link_id={second['id']}")] == [second["id"]]


def test_a_role_taken_away_elsewhere_is_gone_at_once(api: ApiDriver, other_api: ApiDriver) -> None:
    api.get("/v1/managed-links", "manager")
    other_api.patch(f"/v1/people/{api.ids['manager']}", {"roles": ["member"]}, "admin")
    api.get("/v1/managed-links", "manager", expect=403)


def test_a_token_is_always_read_from_the_log() -> None:
    cache, link, token = AggregateCache(), create_link(), issue_token()
    for aggregate in (link, token):
        cache.put_aggregate(aggregate)
    assert (cache.find_aggregate(link.id), cache.find_link_id("intro")) == (link, link.id)
    assert (cache.find_aggregate(token.id), cache.find_link_id("none")) == (None, None)
