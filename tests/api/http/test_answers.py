"""What holds for every answer: positions, methods, request ids."""

import time
from typing import Any

import httpx2
import pytest

from tests.api.attacks import DOCUMENT, build_required_query
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver

LISTS = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if any(parameter["name"] == "Oncelink-Min-Position" for parameter in methods.get("get", {}).get("parameters", []))
]


class TestReadYourWrites:
    """Oncelink-Position and Oncelink-Min-Position"""

    def test_a_list_waits_for_the_write(self, shared_api: ApiDriver) -> None:
        for number in range(20):
            body = {"name": f"Waited for {number}", "meeting_type_id": shared_api.ids["type"]}
            response = shared_api.send_request("POST", "/v1/links", body, "member")
            position = response.headers["oncelink-position"]
            current_response = shared_api.send_request(
                "GET", "/v1/links?limit=1", None, "member", Oncelink_Min_Position=position
            )
            assert current_response.json()["items"] == [response.json()]

    def test_far_ahead(self, shared_api: ApiDriver) -> None:
        assert len(LISTS) == 18
        for path in ("/v1/meeting-log", "/v1/people"):
            started_at = time.monotonic()
            position = str(find_last_position(shared_api) + 1_000_000)
            assert_problem(
                shared_api.send_request("GET", path, None, "admin", Oncelink_Min_Position=position),
                503,
                "read_model_behind",
            )
            assert 1.5 < time.monotonic() - started_at < 10

    def test_a_single_thing_needs_no_waiting(self, shared_api: ApiDriver) -> None:
        for number in range(5):
            link = shared_api.create_link(f"At once {number}")
            assert shared_api.get(f"/v1/links/{link['id']}", "member") == link


def list_allowed(response: httpx2.Response) -> list[str]:
    """List the methods that `Allow` names."""
    return response.headers["allow"].split(", ")


def list_documented(methods: str) -> list[str]:
    """List the methods of a path that has these operations; HEAD goes with GET."""
    return sorted({*methods.upper().split(","), "OPTIONS", *(["HEAD"] if "get" in methods else [])})


LIKE_AN_ID = ("/v1/single-use/revoke", "/v1/webhooks/types")  # other methods take their last part for an id


@pytest.fixture(scope="module")
def addresses(shared_api: ApiDriver, paths: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """Each path of the document with real ids, what it may be asked for, and by whom."""
    api = shared_api
    api.send_request("POST", "/v1/history/verify", who="admin")  # there must be one to look at
    paths_with_caller = []
    for path, methods in DOCUMENT["paths"].items():
        if path in LIKE_AN_ID:
            continue
        needs_caller = any(operation["security"] for operation in methods.values())
        query = build_required_query(path, find_last_position(api))
        paths_with_caller.append((paths[path] + query, ",".join(methods), "admin" if needs_caller else None))
    return paths_with_caller


MUTATING_METHODS = (
    "/metrics",
    "/v1/history/",
    "/v1/read-models",
)  # what two requests right after each other may be answered differently


class TestMethods:
    """GET, HEAD and OPTIONS never append; other methods are refused as any other mistake."""

    def test_reading_never_appends(self, shared_api: ApiDriver, addresses: list[Any]) -> None:
        position_before = find_last_position(shared_api)
        for address, methods, who in addresses:
            for _ in range(2):
                get_response = shared_api.send_request("GET", address, who=who)
                head_response = shared_api.send_request("HEAD", address, who=who)
                options_response = shared_api.send_request("OPTIONS", address, who=who)
                assert (options_response.status_code, options_response.content) == (204, b"")
                assert list_allowed(options_response) == list_documented(methods)
                assert get_response.status_code == head_response.status_code == (200 if "get" in methods else 405), (
                    address
                )
                assert head_response.content == b""
                if "get" in methods and not address.startswith(MUTATING_METHODS):
                    assert head_response.headers["content-length"] == str(len(get_response.content))
        assert find_last_position(shared_api) == position_before

    def test_unknown_methods(self, shared_api: ApiDriver, addresses: list[Any]) -> None:
        position_before = find_last_position(shared_api)
        for address, methods, who in addresses:
            for method in (
                "PUT",
                "TRACE",
                "PROPFIND",
                *({"POST", "PATCH", "DELETE"} - set(methods.upper().split(","))),
            ):
                response = shared_api.send_request(method, address, who=who)
                assert_problem(response, 405, "method_not_allowed")
                assert list_allowed(response) == list_documented(methods)
        assert find_last_position(shared_api) == position_before

    def test_pages_name_their_methods(self, shared_api: ApiDriver) -> None:
        for path, methods in (("/book/target", "get,post"), ("/links", "get"), ("/sign-out", "post")):
            for accept in ("text/html", "application/json"):
                response = shared_api.send_request("DELETE", path, accept=accept)
                assert response.status_code == 405
                assert list_allowed(response) == list_documented(methods)

    @pytest.mark.usefixtures("unchanged_log")
    def test_unknown_paths(self, shared_api: ApiDriver) -> None:
        for path in ("/v1", "/v1/", "/v1/nothing", "/v1/links/a/b/c", "/v2/links", "/%00", "/v1/book/a/b/c", "/.env"):
            for method in ("GET", "POST", "DELETE"):
                assert_problem(shared_api.send_request(method, path, who="admin"), 404, "not_found")


class TestRequestId:
    """X-Request-Id is in every answer and in the history."""

    def test_is_in_the_event(self, shared_api: ApiDriver) -> None:
        body = {"name": "Traced", "meeting_type_id": shared_api.ids["type"]}
        response = shared_api.send_request("POST", "/v1/links", body, "member", X_Request_Id="chosen by somebody else")
        rows = shared_api.services.database.fetch_rows(
            "SELECT data FROM {schema}.events WHERE position = %s", (int(response.headers["oncelink-position"]),)
        )
        event = rows[0]["data"]
        assert event["request_id"] == response.headers["x-request-id"]
        assert event["actor"] == {"kind": "person", "id": shared_api.ids["member"]}
        assert event["source"] == "api"

    def test_is_another_one_each_time(self, shared_api: ApiDriver) -> None:
        request_ids = {shared_api.send_request("GET", "/healthz").headers["x-request-id"] for _ in range(10)}
        assert len(request_ids) == 10
