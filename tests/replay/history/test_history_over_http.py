"""GET /v1/history: its filters, its pages, and what it refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position
from tests.api_driver import ApiDriver


@pytest.fixture(scope="module")
def filled_api(shared_api: ApiDriver) -> ApiDriver:
    """An organisation with a few events."""
    api = shared_api
    link = api.create_link("Filters", slug="filters")
    api.ids["link"] = link["id"]
    for code in api.create_codes(link, 3):
        api.book_meeting(code, api.list_slots(code)[0])
    api.book_meeting("filters", api.list_slots("filters")[0])
    api.patch(f"/v1/links/{link['id']}", {"name": "Filtered"}, "member")
    api.patch(f"/v1/links/{link['id']}", {"name": "Filtered again"}, "manager")
    return api


@pytest.fixture
def log(filled_api: ApiDriver) -> list[Any]:
    """Every event of the log table."""
    return filled_api.services.database.fetch_rows("SELECT * FROM {schema}.events ORDER BY position")


def list_positions(api: ApiDriver, query: str) -> list[int]:
    """List the positions of the events that a query finds, in its order, page by page."""
    return [row["position"] for row in fetch_all_rows(api, f"/v1/history?{query}", "auditor", limit=3)]


def find_positions(log: list[Any], condition: Any) -> list[int]:
    """List the positions of the events that meet a condition."""
    positions = [row["position"] for row in log if condition(row)]
    assert 0 < len(positions) < len(log)
    return positions


class TestFilters:
    def test_none(self, filled_api: ApiDriver, log: list[Any]) -> None:
        assert list_positions(filled_api, "") == [row["position"] for row in log]

    def test_newest_first(self, filled_api: ApiDriver, log: list[Any]) -> None:
        assert list_positions(filled_api, "sort=-position") == [row["position"] for row in reversed(log)]
        middle = log[len(log) // 2]["position"]
        expected = [row["position"] for row in reversed(log) if row["position"] <= middle]
        assert list_positions(filled_api, f"sort=-position&until_position={middle}") == expected

    def test_between_positions(self, filled_api: ApiDriver, log: list[Any]) -> None:
        first, last = log[2]["position"], log[7]["position"]
        expected = find_positions(log, lambda row: first < row["position"] <= last)
        assert list_positions(filled_api, f"after={first}&until_position={last}") == expected
        assert list_positions(filled_api, f"after={log[-1]['position']}") == []
        assert list_positions(filled_api, "until_position=0") == []
        assert list_positions(filled_api, f"after={2**63 - 1}&until_position={2**63 - 1}") == []

    @pytest.mark.parametrize("type", ["LinkUpdated", "LinkUpdated.v1"])
    def test_of_a_type_with_its_version_or_without(self, filled_api: ApiDriver, log: list[Any], type: str) -> None:
        assert list_positions(filled_api, f"type={type}") == find_positions(
            log, lambda row: row["type"] == "LinkUpdated.v1"
        )

    def test_a_version_that_has_not_happened(self, filled_api: ApiDriver) -> None:
        assert list_positions(filled_api, "type=SingleUseRevoked.v1") == []

    def test_of_a_stream(self, filled_api: ApiDriver, log: list[Any]) -> None:
        expected = find_positions(log, lambda row: str(row["stream_id"]) == filled_api.ids["link"])
        assert list_positions(filled_api, f"stream_id={filled_api.ids['link']}") == expected
        assert list_positions(filled_api, f"stream_id={uuid4()}") == []

    def test_of_an_actor(self, filled_api: ApiDriver, log: list[Any]) -> None:
        manager = filled_api.ids["manager"]
        assert list_positions(filled_api, f"actor={manager}") == find_positions(
            log, lambda row: row["data"]["actor"]["id"] == manager
        )
        assert list_positions(filled_api, f"actor={manager.upper()}") == list_positions(filled_api, f"actor={manager}")
        for kind in ("person", "guest", "system"):
            expected = find_positions(log, lambda row, kind=kind: row["data"]["actor"]["kind"] == kind)
            assert list_positions(filled_api, f"actor={kind}") == expected

    def test_recorded_between_instants_or_on_days(self, filled_api: ApiDriver, log: list[Any]) -> None:
        first, last = log[3]["recorded_at"].isoformat(), log[9]["recorded_at"].isoformat()
        query = f"from={first}&to={last}".replace("+", "%2B")
        expected = find_positions(log, lambda row: log[3]["recorded_at"] <= row["recorded_at"] < log[9]["recorded_at"])
        assert list_positions(filled_api, query) == expected
        days = [row["recorded_at"].astimezone(UTC).date() for row in log]
        assert list_positions(filled_api, f"from={days[0]}&to={days[-1]}") == [row["position"] for row in log]
        assert list_positions(filled_api, f"to={days[0] - timedelta(days=1)}") == []
        assert list_positions(filled_api, f"from={days[-1] + timedelta(days=1)}") == []

    def test_together(self, filled_api: ApiDriver, log: list[Any]) -> None:
        member = filled_api.ids["member"]
        expected = find_positions(
            log, lambda row: row["type"] == "LinkUpdated.v1" and row["data"]["actor"]["id"] == member
        )
        day = datetime.now(UTC).date() - timedelta(days=1)
        query = f"type=LinkUpdated&actor={member}&stream_id={filled_api.ids['link']}&from={day}"
        assert list_positions(filled_api, query) == expected


class TestPages:
    def test_a_reader_who_comes_back_gets_what_is_new(self, filled_api: ApiDriver) -> None:
        last_position = fetch_list(filled_api, "/v1/history?limit=200", "auditor")["items"][-1]["position"]
        filled_api.patch(f"/v1/links/{filled_api.ids['link']}", {"name": f"Filtered {last_position}"}, "member")
        [new_event] = fetch_list(filled_api, f"/v1/history?after={last_position}", "auditor")["items"]
        assert (new_event["position"], new_event["type"]) == (find_last_position(filled_api), "LinkUpdated.v1")

    def test_a_stream_in_pages(self, filled_api: ApiDriver) -> None:
        address = f"/v1/history/streams/{filled_api.ids['link']}"
        rows = fetch_all_rows(filled_api, address, "admin", limit=1)
        assert rows == filled_api.get(address, "admin")["items"]
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))

    def test_a_cursor_belongs_to_its_list(self, filled_api: ApiDriver) -> None:
        stream = f"/v1/history/streams/{filled_api.ids['link']}"
        cursors = {address: filled_api.get(f"{address}{'&' if '?' in address else '?'}limit=1", "admin")["next_cursor"]
                   for address in ("/v1/history", "/v1/history?sort=-position", stream, "/v1/links?view=all&sort=name")
                   if address != "/v1/links?view=all&sort=name" or filled_api.create_link("Other")}  # fmt: skip
        lists = ["/v1/history", "/v1/history?sort=-position", stream, f"/v1/history/streams/{filled_api.ids['type']}"]
        for address in lists:
            for origin, cursor in cursors.items():
                if cursor is None or origin == address:
                    continue
                separator = "&" if "?" in address else "?"
                assert_problem(
                    filled_api.send_request("GET", f"{address}{separator}cursor={cursor}", who="admin"), 422, "invalid"
                )

    def test_a_stream_that_nobody_knows(self, filled_api: ApiDriver) -> None:
        assert_problem(
            filled_api.send_request("GET", f"/v1/history/streams/{uuid4()}", who="auditor"), 404, "not_found"
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "field"),
        [("type=Unheard", "type"), ("actor=somebody", "actor"), ("after=-1", "after"), ("from=yesterday", "from"),
         ("to=2026-01-01T00:00:00", "to"), ("stream_id=7", "stream_id"), ("until_position=x", "until_position"),
         ("sort=type", "sort"), (f"after={2**63}", "after")],
    )  # fmt: skip
    def test_names_the_field(self, filled_api: ApiDriver, query: str, field: str) -> None:
        problem = assert_problem(filled_api.send_request("GET", f"/v1/history?{query}", who="auditor"), 422, "invalid")
        assert [error["field"] for error in problem["errors"]] == [field]

    def test_whoever_may_not_look_is_told_nothing_else(self, filled_api: ApiDriver) -> None:
        for address in ("/v1/history?type=Unheard", f"/v1/history/streams/{uuid4()}", "/v1/as-of/links?at=x",
                        f"/v1/as-of/links/{uuid4()}", "/v1/as-of/meeting-log"):  # fmt: skip
            for who in ("member", "manager", "analyst"):
                assert_problem(filled_api.send_request("GET", address, who=who), 403, "forbidden")
            assert_problem(filled_api.send_request("GET", address), 401, "unauthorized")


def test_without_a_follower_it_is_current(settings: Settings) -> None:
    with TestClient(build_app(settings)) as client:
        api = ApiDriver(client)
        api.services.follower.stop()
        api.add_person("auditor", ["auditor"])
        assert api.get("/v1/history", "auditor")["items"][-1]["position"] == find_last_position(api)
