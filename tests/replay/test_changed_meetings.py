"""A follower that polls `changed_after_position` while others write misses nothing."""

import json
from threading import Thread
from typing import Any

import pytest

from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver


def follow_changes(api: ApiDriver, position: int, seen: dict[str, Any], who: str = "manager") -> int:
    """Poll until nothing is new; keep each row by its id. Returns the position to ask from next."""
    while items := api.get(f"/v1/meeting-log?changed_after_position={position}&limit=2", who)["items"]:
        assert [item["position"] for item in items] == sorted({item["position"] for item in items})
        assert items[0]["position"] > position
        seen.update({item["booking_id"]: item for item in items})
        position = items[-1]["position"]
    return position


def test_nothing_is_missed_during_concurrent_writes(api: ApiDriver) -> None:
    """Two hosts' meetings are booked and every second one is cancelled, while one follower polls all the time."""
    slugs = [api.create_link("A", slug="a")["slug"], api.create_link("B", "engineer", slug="b")["slug"]]

    def write(slug: str, who: str) -> None:
        for number, start in enumerate(api.list_slots(slug)[:8]):
            id = api.book_meeting(slug, start)["booking"]["id"]
            if number % 2:
                api.post(f"/v1/bookings/{id}/cancel", {}, who)

    writers = [Thread(target=write, args=pair) for pair in zip(slugs, ("member", "engineer"), strict=True)]
    for writer in writers:
        writer.start()
    seen: dict[str, Any] = {}
    position = 0
    while any(writer.is_alive() for writer in writers):
        position = follow_changes(api, position, seen)
    position = follow_changes(api, position, seen)
    rows = api.list_meetings()
    assert len(rows) == 16
    without_position = {id: {k: v for k, v in row.items() if k != "position"} for id, row in seen.items()}
    assert without_position == {row["booking_id"]: row for row in rows}
    [erased, *_] = rows
    api.post("/v1/erasures", {"email": erased["guest"]["email"]}, "admin", 201)
    follow_changes(api, position, seen)
    assert "grace@" not in json.dumps(seen)
    own: dict[str, Any] = {}
    follow_changes(api, 0, own, "engineer")
    assert {row["host"]["id"] for row in own.values()} == {api.ids["engineer"]}
    assert len(own) == 8


@pytest.mark.parametrize("query", ["changed_after_position=-1", "changed_after_position=x"])
def test_a_bad_position(api: ApiDriver, query: str) -> None:
    problem = assert_problem(api.send_request("GET", f"/v1/meeting-log?{query}", who="manager"), 422, "invalid")
    assert problem["errors"][0]["field"] == "changed_after_position"
    filtered = "/v1/meeting-log?changed_after_position=1&q=grace"
    problem = assert_problem(api.send_request("GET", filtered, who="manager"), 422, "invalid")
    assert problem["errors"][0]["field"] == "q"
