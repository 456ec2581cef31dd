"""API keys, outcome by outcome."""

from uuid import uuid4

import pytest

from tests.api.refusals import ids, refused, whole
from tests.api_driver import House

KEY = {"id", "name", "created_at"}


class TestApiKeys:
    """POST|GET /v1/api-keys, DELETE /v1/api-keys/{id}"""

    def test_is_shown_once(self, shared_house: House) -> None:
        made = shared_house.post("/v1/api-keys", {"name": "Script"}, "analyst", 201)
        assert made.keys() == KEY | {"key"}
        assert made["key"].startswith("olk_")
        assert len(made["key"]) == 47
        rows = shared_house.get("/v1/api-keys", "analyst")["items"]
        assert made["id"] in ids(rows)
        assert all(row.keys() == KEY for row in rows)
        assert made["key"] not in str(rows)

    def test_signs_in_until_it_is_deleted(self, shared_house: House) -> None:
        made = shared_house.post("/v1/api-keys", {}, "member", 201)
        shared_house.keys["new"] = made["key"]
        assert shared_house.get("/v1/me", "new")["id"] == shared_house.ids["member"]
        assert shared_house.send("DELETE", f"/v1/api-keys/{made['id']}", who="new").status_code == 204
        refused(shared_house.send("GET", "/v1/me", who="new"), 401, "unauthorized")
        again = shared_house.send("DELETE", f"/v1/api-keys/{made['id']}", who="member")
        assert again.status_code == 204, "its first answer may have been lost"
        refused(shared_house.send("DELETE", f"/v1/api-keys/{uuid4()}", who="member"), 404, "not_found")

    def test_are_ones_own(self, shared_house: House) -> None:
        made = shared_house.post("/v1/api-keys", {"name": "Mine"}, "member", 201)
        for who in ("admin", "manager", "engineer"):
            refused(shared_house.send("DELETE", f"/v1/api-keys/{made['id']}", who=who), 404, "not_found")
            assert made["id"] not in ids(shared_house.get("/v1/api-keys?limit=200", who)["items"])

    def test_pages_make_the_whole(self, shared_house: House) -> None:
        for number in range(5):
            shared_house.post("/v1/api-keys", {"name": f"Key {number}"}, "auditor", 201)
        rows = ids(shared_house.get("/v1/api-keys", "auditor")["items"])
        assert ids(whole(shared_house, "/v1/api-keys", "auditor")) == rows
        answer = shared_house.send("GET", f"/v1/api-keys?cursor={uuid4()}", who="auditor")
        refused(answer, 422, "invalid")

    def test_repeated_request(self, shared_house: House) -> None:
        first = shared_house.send("POST", "/v1/api-keys", {"name": "Twice"}, "member", Idempotency_Key="k1")
        again = shared_house.send("POST", "/v1/api-keys", {"name": "Twice"}, "member", Idempotency_Key="k1")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        answer = shared_house.send("POST", "/v1/api-keys", {"name": "Thrice"}, "member", Idempotency_Key="k1")
        refused(answer, 422, "idempotency_key_reused")
        other = shared_house.send("POST", "/v1/api-keys", {"name": "Twice"}, "engineer", Idempotency_Key="k1")
        assert other.json()["key"] != first.json()["key"]

    def test_a_late_retry_does_not_bring_a_deleted_key_back(self, shared_house: House) -> None:
        made = shared_house.post("/v1/api-keys", {"name": "Gone"}, "member", 201, Idempotency_Key="k2")
        shared_house.send("DELETE", f"/v1/api-keys/{made['id']}", who="member")
        shared_house.send("POST", "/v1/api-keys", {"name": "Gone"}, "member", Idempotency_Key="k2")
        shared_house.keys["gone"] = made["key"]
        refused(shared_house.send("GET", "/v1/me", who="gone"), 401, "unauthorized")

    def test_a_retry_after_the_secrets_changed_shows_the_same_key(self, shared_house: House) -> None:
        first = shared_house.post("/v1/api-keys", {"name": "Kept"}, "member", 201, Idempotency_Key="k3")
        keys = shared_house.oncelink.settings.keys
        keys.insert(0, "a newer secret, a newer secret, a newer secret")
        try:
            again = shared_house.post("/v1/api-keys", {"name": "Kept"}, "member", 201, Idempotency_Key="k3")
            assert again == first
        finally:
            keys.pop(0)

    @pytest.mark.usefixtures("unmoved")
    def test_are_no_events(self, shared_house: House) -> None:
        made = shared_house.post("/v1/api-keys", {}, "admin", 201)
        shared_house.send("DELETE", f"/v1/api-keys/{made['id']}", who="admin")
