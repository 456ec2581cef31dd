"""GET /v1/history: its filters, its pages, and what it refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from tests.api.refusals import head, listed, refused, whole
from tests.api_driver import House


@pytest.fixture(scope="module")
def told(shared_house: House) -> House:
    """An organisation in which a few things have happened."""
    house = shared_house
    link = house.link("Filters", slug="filters")
    house.ids["link"] = link["id"]
    for code in house.codes(link, 3):
        house.book(code, house.slots(code)[0])
    house.book("filters", house.slots("filters")[0])
    house.patch(f"/v1/links/{link['id']}", {"name": "Filtered"}, "member")
    house.patch(f"/v1/links/{link['id']}", {"name": "Filtered again"}, "manager")
    return house


@pytest.fixture
def log(told: House) -> list[Any]:
    """Every event, as the log itself has it."""
    return told.oncelink.database.rows("SELECT * FROM {schema}.events ORDER BY position")


def positions(house: House, query: str) -> list[int]:
    """Where the events are that a query finds, in its order, read page by page."""
    return [row["position"] for row in whole(house, f"/v1/history?{query}", "auditor", limit=3)]


def where(log: list[Any], holds: Any) -> list[int]:
    """The positions of events that meet a condition."""
    found = [row["position"] for row in log if holds(row)]
    assert 0 < len(found) < len(log)
    return found


class TestFilters:
    def test_none(self, told: House, log: list[Any]) -> None:
        assert positions(told, "") == [row["position"] for row in log]

    def test_newest_first(self, told: House, log: list[Any]) -> None:
        assert positions(told, "sort=-position") == [row["position"] for row in reversed(log)]
        middle = log[len(log) // 2]["position"]
        expected = [row["position"] for row in reversed(log) if row["position"] <= middle]
        assert positions(told, f"sort=-position&until_position={middle}") == expected

    def test_between_positions(self, told: House, log: list[Any]) -> None:
        first, last = log[2]["position"], log[7]["position"]
        expected = where(log, lambda row: first < row["position"] <= last)
        assert positions(told, f"after={first}&until_position={last}") == expected
        assert positions(told, f"after={log[-1]['position']}") == []
        assert positions(told, "until_position=0") == []
        assert positions(told, f"after={2**63 - 1}&until_position={2**63 - 1}") == []

    @pytest.mark.parametrize("type", ["LinkUpdated", "LinkUpdated.v1"])
    def test_of_a_type_with_its_version_or_without(self, told: House, log: list[Any], type: str) -> None:
        assert positions(told, f"type={type}") == where(log, lambda row: row["type"] == "LinkUpdated.v1")

    def test_a_version_that_has_not_happened(self, told: House) -> None:
        assert positions(told, "type=SingleUseRevoked.v1") == []

    def test_of_a_stream(self, told: House, log: list[Any]) -> None:
        expected = where(log, lambda row: str(row["stream_id"]) == told.ids["link"])
        assert positions(told, f"stream_id={told.ids['link']}") == expected
        assert positions(told, f"stream_id={uuid4()}") == []

    def test_of_an_actor(self, told: House, log: list[Any]) -> None:
        manager = told.ids["manager"]
        assert positions(told, f"actor={manager}") == where(log, lambda row: row["data"]["actor"]["id"] == manager)
        assert positions(told, f"actor={manager.upper()}") == positions(told, f"actor={manager}")
        for kind in ("person", "guest", "system"):
            expected = where(log, lambda row, kind=kind: row["data"]["actor"]["kind"] == kind)
            assert positions(told, f"actor={kind}") == expected

    def test_recorded_between_instants_or_on_days(self, told: House, log: list[Any]) -> None:
        first, last = log[3]["recorded_at"].isoformat(), log[9]["recorded_at"].isoformat()
        query = f"from={first}&to={last}".replace("+", "%2B")
        expected = where(log, lambda row: log[3]["recorded_at"] <= row["recorded_at"] < log[9]["recorded_at"])
        assert positions(told, query) == expected
        days = [row["recorded_at"].astimezone(UTC).date() for row in log]
        assert positions(told, f"from={days[0]}&to={days[-1]}") == [row["position"] for row in log]
        assert positions(told, f"to={days[0] - timedelta(days=1)}") == []
        assert positions(told, f"from={days[-1] + timedelta(days=1)}") == []

    def test_together(self, told: House, log: list[Any]) -> None:
        member = told.ids["member"]
        expected = where(log, lambda row: row["type"] == "LinkUpdated.v1" and row["data"]["actor"]["id"] == member)
        day = datetime.now(UTC).date() - timedelta(days=1)
        query = f"type=LinkUpdated&actor={member}&stream_id={told.ids['link']}&from={day}"
        assert positions(told, query) == expected


class TestPages:
    def test_a_reader_who_comes_back_gets_what_is_new(self, told: House) -> None:
        before = listed(told, "/v1/history?limit=200", "auditor")["items"][-1]["position"]
        told.patch(f"/v1/links/{told.ids['link']}", {"name": f"Filtered {before}"}, "member")
        [new] = listed(told, f"/v1/history?after={before}", "auditor")["items"]
        assert (new["position"], new["type"]) == (head(told), "LinkUpdated.v1")

    def test_a_stream_in_pages(self, told: House) -> None:
        address = f"/v1/history/streams/{told.ids['link']}"
        rows = whole(told, address, "admin", limit=1)
        assert rows == told.get(address, "admin")["items"]
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))

    def test_a_cursor_belongs_to_its_list(self, told: House) -> None:
        stream = f"/v1/history/streams/{told.ids['link']}"
        cursors = {address: told.get(f"{address}{'&' if '?' in address else '?'}limit=1", "admin")["next_cursor"]
                   for address in ("/v1/history", "/v1/history?sort=-position", stream, "/v1/links?view=all&sort=name")
                   if address != "/v1/links?view=all&sort=name" or told.link("Other")}  # fmt: skip
        lists = ["/v1/history", "/v1/history?sort=-position", stream, f"/v1/history/streams/{told.ids['type']}"]
        for address in lists:
            for origin, cursor in cursors.items():
                if cursor is None or origin == address:
                    continue
                sign = "&" if "?" in address else "?"
                refused(told.send("GET", f"{address}{sign}cursor={cursor}", who="admin"), 422, "invalid")

    def test_a_stream_that_nobody_knows(self, told: House) -> None:
        refused(told.send("GET", f"/v1/history/streams/{uuid4()}", who="auditor"), 404, "not_found")


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "field"),
        [("type=Unheard", "type"), ("actor=somebody", "actor"), ("after=-1", "after"), ("from=yesterday", "from"),
         ("to=2026-01-01T00:00:00", "to"), ("stream_id=7", "stream_id"), ("until_position=x", "until_position"),
         ("sort=type", "sort"), (f"after={2**63}", "after")],
    )  # fmt: skip
    def test_names_the_field(self, told: House, query: str, field: str) -> None:
        problem = refused(told.send("GET", f"/v1/history?{query}", who="auditor"), 422, "invalid")
        assert [error["field"] for error in problem["errors"]] == [field]

    def test_whoever_may_not_look_is_told_nothing_else(self, told: House) -> None:
        for address in ("/v1/history?type=Unheard", f"/v1/history/streams/{uuid4()}", "/v1/as-of/links?at=x",
                        f"/v1/as-of/links/{uuid4()}", "/v1/as-of/meeting-log"):  # fmt: skip
            for who in ("member", "manager", "analyst"):
                refused(told.send("GET", address, who=who), 403, "forbidden")
            refused(told.send("GET", address), 401, "unauthorized")


def test_without_a_follower_it_is_current(settings: Settings) -> None:
    with TestClient(build(settings)) as client:
        house = House(client)
        house.oncelink.follower.stop()
        house.hire("auditor", ["auditor"])
        assert house.get("/v1/history", "auditor")["items"][-1]["position"] == head(house)
