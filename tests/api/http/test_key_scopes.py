"""What scoped API keys may do: every operation of the document by every scope, and what they never may."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from api.http.access.key_scopes import list_sufficient_scopes
from tests.api.attacks import DOCUMENT, build_valid_body
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

SCOPES = ("read", "single-use", "bookings", "webhooks", "history", "scim")
OPERATIONS = sorted(
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if operation["security"]
)
ISSUE, REVOKE = ("POST", "/v1/links/{id}/single-use"), ("POST", "/v1/single-use/{id}/revoke")


@pytest.fixture(scope="module")
def scoped_keys(shared_api: ApiDriver) -> dict[str, str]:
    """Who has a key of an admin who audits too, by its scopes."""
    shared_api.patch(f"/v1/people/{shared_api.ids['manager']}", {"roles": ["admin", "auditor"]}, "admin")
    return {}


def find_key_with(shared_api: ApiDriver, scoped_keys: dict[str, str], scopes: Collection[str]) -> str:
    """Return who has the key with these scopes, which is made at its first use."""
    who = "scopes " + " ".join(sorted(scopes))
    if who not in scoped_keys:
        body = {"name": "Scoped", "scopes": sorted(scopes)}
        shared_api.keys[who] = shared_api.post("/v1/api-keys", body, "manager", 201)["key"]
        scoped_keys[who] = who
    return who


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_each_operation_by_each_scope(
    shared_api: ApiDriver, scoped_keys: dict[str, str], paths: dict[str, str], method: str, path: str
) -> None:
    """All scopes together that do not suffice are refused before anything else; each that does is not forbidden."""
    sufficient = set(SCOPES) if (method, path) == ("GET", "/v1/me") else list_sufficient_scopes(method, path)
    body = build_valid_body(DOCUMENT["paths"][path][method.lower()])
    if insufficient := set(SCOPES).difference(sufficient):
        who = find_key_with(shared_api, scoped_keys, insufficient)
        assert_problem(shared_api.send_request(method, paths[path], body, who), 403, "forbidden")
    for scope in sufficient.intersection(SCOPES) if method == "GET" else ():
        who = find_key_with(shared_api, scoped_keys, [scope])
        response = shared_api.send_request("GET", paths[path] + ("?at=1" if "/as-of/" in path else ""), who=who)
        assert response.status_code != 403, f"{scope}: {response.text}"


def test_a_key_that_reads_changes_nothing() -> None:
    changing = [operation for operation in OPERATIONS if operation[0] != "GET"]
    assert len(changing) > 40
    assert [operation for operation in changing if "read" in list_sufficient_scopes(*operation)] == []


def test_the_scopes_are_what_they_are_called() -> None:
    of_single_use = {operation for operation in OPERATIONS if "single-use" in list_sufficient_scopes(*operation)}
    assert {operation for operation in of_single_use if operation[0] != "GET"} == {
        ISSUE,
        REVOKE,
        ("POST", "/v1/single-use/revoke"),
    }
    of_bookings = {operation for operation in OPERATIONS if "bookings" in list_sufficient_scopes(*operation)}
    assert all(path.startswith(("/v1/bookings/", "/v1/meeting-log")) for _, path in of_bookings)
    of_history = {path for _, path in OPERATIONS if list_sufficient_scopes("GET", path) == {"history", "all"}}
    assert {path.split("/")[2] for path in of_history} == {"history", "as-of", "access-log"}
    # no key makes another one, and none sees them, but one that may do everything
    assert list_sufficient_scopes("POST", "/v1/api-keys") == list_sufficient_scopes("GET", "/v1/sessions") == {"all"}


class TestKeys:
    """Making, listing and ending keys."""

    def test_ends_itself_and_no_other(self, shared_api: ApiDriver) -> None:
        keys = [shared_api.post("/v1/api-keys", {"name": "R", "scopes": ["read"]}, "member", 201) for _ in range(2)]
        shared_api.keys["reader"] = keys[0]["key"]
        assert shared_api.send_request("DELETE", f"/v1/api-keys/{keys[1]['id']}", who="reader").status_code == 403
        assert shared_api.send_request("DELETE", f"/v1/api-keys/{keys[0]['id']}", who="reader").status_code == 204
        assert shared_api.send_request("GET", "/v1/me", who="reader").status_code == 401

    def test_expires(self, shared_api: ApiDriver) -> None:
        soon = shared_api.clock() + timedelta(seconds=1.5)
        body = {"name": "Short", "expires_at": soon.isoformat()}
        new_key = shared_api.post("/v1/api-keys", body, "member", 201)
        assert new_key["expires_at"].startswith(soon.strftime("%Y-%m-%dT%H:%M"))
        with shared_api.services.database.acquire_connection() as connection:
            query = "UPDATE {schema}.api_keys SET expires_at = now() - interval '1 second' WHERE id = %s"
            connection.execute(shared_api.services.database.compose_query(query), (new_key["id"],))
        shared_api.keys["short"] = new_key["key"]
        assert shared_api.send_request("GET", "/v1/me", who="short").status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            {"scopes": []},
            {"scopes": ["everything"]},
            {"scopes": ["read", "read"]},
            {"scopes": "read"},
            {"expires_at": "2001-01-01T00:00:00Z"},
            {"expires_at": "soon"},
        ],
    )
    def test_bad_input(self, shared_api: ApiDriver, body: Any) -> None:
        problem = assert_problem(shared_api.send_request("POST", "/v1/api-keys", body, "member"), 422, "invalid")
        assert problem["errors"][0]["field"].startswith(next(iter(body)))

    def test_admins_see_and_end_everybodys(self, shared_api: ApiDriver) -> None:
        new_key = shared_api.post("/v1/api-keys", {"name": "Engineer's"}, "engineer", 201)
        path, everybody = f"/v1/api-keys/{new_key['id']}", "/v1/api-keys?view=all&limit=200"
        assert_problem(shared_api.send_request("GET", everybody, who="member"), 403, "forbidden")
        [row] = [key for key in shared_api.get(everybody, "admin")["items"] if key["id"] == new_key["id"]]
        assert row["person"]["id"] == shared_api.ids["engineer"]
        assert "key" not in row
        assert_problem(shared_api.send_request("DELETE", path, who="member"), 404, "not_found")
        page = PageClient(shared_api, "admin").get("/admin/keys")
        assert "Engineer's" in extract_text(page).replace("&#39;", "'")
        assert shared_api.send_request("DELETE", path, who="admin").status_code == 204
        ids = [key["id"] for key in shared_api.get(everybody, "admin")["items"]]
        assert new_key["id"] not in ids


class TestSessions:
    """`/v1/sessions`, and the list on the settings page."""

    def test_are_listed_and_ended_one_by_one(self, shared_api: ApiDriver) -> None:
        first, second = PageClient(shared_api, "engineer"), PageClient(shared_api, "engineer")
        items = second.get("/v1/sessions").json()["items"]
        [current] = [item for item in items if item["is_current"]]
        [other] = [item for item in items if not item["is_current"]]
        assert first.is_signed_in()
        path = f"/v1/sessions/{other['id']}"
        assert_problem(shared_api.send_request("DELETE", path, who="member"), 404, "not_found")
        assert_problem(
            shared_api.send_request("GET", f"/v1/sessions?person_id={shared_api.ids['admin']}", who="member"), 403
        )
        assert second.post(f"/settings/sessions/{other['id']}/end").status_code == 303
        assert (first.is_signed_in(), second.is_signed_in()) == (False, True)
        of_person = shared_api.get(f"/v1/sessions?person_id={shared_api.ids['engineer']}", "admin")["items"]
        assert [item["id"] for item in of_person] == [current["id"]]
        assert shared_api.send_request("DELETE", f"/v1/sessions/{current['id']}", who="admin").status_code == 204
        assert not second.is_signed_in()


def test_the_form_keeps_what_was_typed(shared_api: ApiDriver) -> None:
    client = PageClient(shared_api, "member")
    page = client.post("/settings/keys", {"key_name": "CRM", "expires_on": "2001-01-01", "scopes": "bookings"})
    assert page.status_code == 422
    assert "Choose today or a later day." in page.text
    assert 'value="CRM"' in page.text
    assert 'value="bookings" checked' in page.text
    created = client.post("/settings/keys", {"key_name": "CRM", "scopes": ["bookings", "read"]})
    assert created.status_code == 201
    [key] = [key for key in shared_api.get("/v1/api-keys", "member")["items"] if key["name"] == "CRM"]
    assert sorted(key["scopes"]) == ["bookings", "read"]
