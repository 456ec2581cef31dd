"""API keys, outcome by outcome."""

from uuid import uuid4

import pytest

from tests.api.refusals import assert_problem, fetch_all_rows, get_ids
from tests.api_driver import ApiDriver

NEW_KEY = {"id", "name", "scopes", "created_at", "expires_at", "key"}
KEY = NEW_KEY - {"key"} | {"person", "last_used_at", "last_used_from"}


class TestApiKeys:
    """POST|GET /v1/api-keys, DELETE /v1/api-keys/{id}"""

    def test_is_shown_once(self, shared_api: ApiDriver) -> None:
        api_key = shared_api.post("/v1/api-keys", {"name": "Script"}, "analyst", 201)
        assert api_key.keys() == NEW_KEY
        assert api_key["key"].startswith("olk_")
        assert len(api_key["key"]) == 47
        rows = shared_api.get("/v1/api-keys", "analyst")["items"]
        assert api_key["id"] in get_ids(rows)
        assert all(row.keys() == KEY for row in rows)
        assert api_key["key"] not in str(rows)

    def test_signs_in_until_it_is_deleted(self, shared_api: ApiDriver) -> None:
        api_key = shared_api.post("/v1/api-keys", {}, "member", 201)
        shared_api.keys["new"] = api_key["key"]
        assert shared_api.get("/v1/me", "new")["id"] == shared_api.ids["member"]
        assert shared_api.send_request("DELETE", f"/v1/api-keys/{api_key['id']}", who="new").status_code == 204
        assert_problem(shared_api.send_request("GET", "/v1/me", who="new"), 401, "unauthorized")
        response = shared_api.send_request("DELETE", f"/v1/api-keys/{api_key['id']}", who="member")
        assert response.status_code == 204, "its first answer may have been lost"
        assert_problem(shared_api.send_request("DELETE", f"/v1/api-keys/{uuid4()}", who="member"), 404, "not_found")

    def test_are_ones_own(self, shared_api: ApiDriver) -> None:
        api_key = shared_api.post("/v1/api-keys", {"name": "Mine"}, "member", 201)
        for who in ("analyst", "manager", "engineer"):
            assert_problem(
                shared_api.send_request("DELETE", f"/v1/api-keys/{api_key['id']}", who=who), 404, "not_found"
            )
            assert api_key["id"] not in get_ids(shared_api.get("/v1/api-keys?limit=200", who)["items"])

    def test_pages_make_the_whole(self, shared_api: ApiDriver) -> None:
        for number in range(5):
            shared_api.post("/v1/api-keys", {"name": f"Key {number}"}, "auditor", 201)
        rows = get_ids(shared_api.get("/v1/api-keys", "auditor")["items"])
        assert get_ids(fetch_all_rows(shared_api, "/v1/api-keys", "auditor")) == rows
        response = shared_api.send_request("GET", f"/v1/api-keys?cursor={uuid4()}", who="auditor")
        assert_problem(response, 422, "invalid")

    def test_repeated_request(self, shared_api: ApiDriver) -> None:
        first = shared_api.send_request("POST", "/v1/api-keys", {"name": "Twice"}, "member", Idempotency_Key="k1")
        response = shared_api.send_request("POST", "/v1/api-keys", {"name": "Twice"}, "member", Idempotency_Key="k1")
        assert (response.status_code, response.content) == (201, first.content)
        assert response.headers["idempotent-replayed"] == "true"
        http_response = shared_api.send_request(
            "POST", "/v1/api-keys", {"name": "Thrice"}, "member", Idempotency_Key="k1"
        )
        assert_problem(http_response, 422, "idempotency_key_reused")
        other_response = shared_api.send_request(
            "POST", "/v1/api-keys", {"name": "Twice"}, "engineer", Idempotency_Key="k1"
        )
        assert other_response.json()["key"] != first.json()["key"]

    def test_a_late_retry_does_not_bring_a_deleted_key_back(self, shared_api: ApiDriver) -> None:
        api_key = shared_api.post("/v1/api-keys", {"name": "Gone"}, "member", 201, Idempotency_Key="k2")
        shared_api.send_request("DELETE", f"/v1/api-keys/{api_key['id']}", who="member")
        shared_api.send_request("POST", "/v1/api-keys", {"name": "Gone"}, "member", Idempotency_Key="k2")
        shared_api.keys["gone"] = api_key["key"]
        assert_problem(shared_api.send_request("GET", "/v1/me", who="gone"), 401, "unauthorized")

    def test_a_retry_after_the_secrets_changed_shows_the_same_key(self, shared_api: ApiDriver) -> None:
        first = shared_api.post("/v1/api-keys", {"name": "Kept"}, "member", 201, Idempotency_Key="k3")
        keys = shared_api.services.settings.keys
        keys.insert(0, "a newer secret, a newer secret, a newer secret")
        try:
            other_key = shared_api.post("/v1/api-keys", {"name": "Kept"}, "member", 201, Idempotency_Key="k3")
            assert other_key == first
        finally:
            keys.pop(0)

    @pytest.mark.usefixtures("unchanged_log")
    def test_are_no_events(self, shared_api: ApiDriver) -> None:
        api_key = shared_api.post("/v1/api-keys", {}, "admin", 201)
        shared_api.send_request("DELETE", f"/v1/api-keys/{api_key['id']}", who="admin")
