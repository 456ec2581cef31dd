"""What the extension's key may do, and which origins may read answers: everything else is tried and refused."""

from typing import Any
from uuid import uuid4

import pytest

from api.http.api_key_scopes import EXTENSION, OPERATIONS, PAIRING_PATH
from api.settings import OUR_EXTENSION, WrongSetting, read_settings
from tests.api.attacks import DOCUMENT, build_valid_body
from tests.api.pages.pairing import pair_extension
from tests.api.refusals import assert_problem, fetch_list, find_last_position, get_ids
from tests.api_driver import ApiDriver

ALL_OPERATIONS = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if operation["security"]
]
ALLOWED_OPERATIONS = OPERATIONS[EXTENSION]
FOREIGN_ORIGINS = [
    "https://evil.example",
    "chrome-extension://" + "a" * 32,
    "null",
    OUR_EXTENSION + "/",
    OUR_EXTENSION.upper(),
]
ROLES = ("member", "manager", "admin")


@pytest.fixture(scope="module")
def extension_api(shared_api: ApiDriver) -> ApiDriver:
    """The service after everybody who has links has paired the extension."""
    for role in ROLES:
        pair_extension(shared_api, role)
    return shared_api


def fill_path(path: str, paths: dict[str, str]) -> str:
    """Fill a path's parameters so that the request would succeed if it were allowed."""
    return paths[path] + ("?at=1" if "/as-of/" in path else "")


def test_what_is_tried_is_everything() -> None:
    assert len(ALL_OPERATIONS) > 40
    assert set(ALL_OPERATIONS) > ALLOWED_OPERATIONS
    assert len(ALLOWED_OPERATIONS) == 7


@pytest.mark.usefixtures("unchanged_log")
class TestTheLimitedKey:
    """Each operation of the document."""

    @pytest.mark.parametrize(("method", "path"), sorted(set(ALL_OPERATIONS) - ALLOWED_OPERATIONS))
    def test_is_refused_everything_else(
        self, extension_api: ApiDriver, paths: dict[str, str], method: str, path: str
    ) -> None:
        body = build_valid_body(DOCUMENT["paths"][path][method.lower()])
        for role in ROLES:
            assert_problem(
                extension_api.send_request(method, fill_path(path, paths), body, f"{role}-extension"), 403, "forbidden"
            )

    def test_is_refused_all_links_also_to_a_manager(self, extension_api: ApiDriver) -> None:
        assert_problem(
            extension_api.send_request("GET", "/v1/links?view=all", who="manager-extension"), 403, "forbidden"
        )

    def test_opens_no_page(self, extension_api: ApiDriver) -> None:
        key = {"Authorization": f"Bearer {extension_api.keys['admin-extension']}", "Accept": "text/html"}
        for path in ("/links", "/settings", "/admin/people"):
            assert extension_api.client.get(path, headers=key, follow_redirects=False).status_code == 303

    def test_ends_no_key_but_itself(self, extension_api: ApiDriver) -> None:
        key_id = extension_api.post("/v1/api-keys", {}, "member", 201)["id"]
        for id in (key_id, str(uuid4()), "zqx"):
            response = extension_api.send_request("DELETE", f"/v1/api-keys/{id}", who="member-extension")
            assert_problem(response, 403, "forbidden")
        pairing = pair_extension(extension_api, "engineer")
        for id in (pairing["id"].upper(),):
            assert (
                extension_api.send_request("DELETE", f"/v1/api-keys/{id}", who="engineer-extension").status_code == 204
            )
        assert_problem(extension_api.send_request("GET", "/v1/me", who="engineer-extension"), 401, "unauthorized")

    def test_of_an_unknown_scope_may_nothing(self, extension_api: ApiDriver) -> None:
        pairing = pair_extension(extension_api, "engineer")
        extension_api.services.database.fetch_rows(
            "UPDATE {schema}.api_keys SET scope = 'zqx' WHERE id = %s RETURNING id", (pairing["id"],)
        )
        assert_problem(extension_api.send_request("GET", "/v1/me", who="engineer-extension"), 403, "forbidden")


class TestWhatItMay:
    """Listing links, issuing, and one's own single-use links."""

    def test_lists_ones_links_and_the_library(self, extension_api: ApiDriver) -> None:
        own_link = extension_api.create_link("Own", "manager")
        shared = extension_api.create_link("Shared", "member", in_library=True)
        assert own_link["id"] in get_ids(fetch_list(extension_api, "/v1/links", "manager-extension")["items"])
        assert shared["id"] in get_ids(
            fetch_list(extension_api, "/v1/links?view=library", "manager-extension")["items"]
        )

    @pytest.mark.parametrize("source", [None, "web", "api"])
    def test_what_it_issues_has_its_source(self, extension_api: ApiDriver, source: str | None) -> None:
        link = extension_api.create_link("Issued from")
        body = {"source": source} if source else {}
        single_use_link = extension_api.post(f"/v1/links/{link['id']}/single-use", body, "member-extension", 201)[
            "items"
        ][0]
        assert single_use_link["source"] == "extension"
        assert single_use_link["code"]
        assert extension_api.get(f"/v1/single-use/{single_use_link['id']}", "member")["source"] == "extension"
        history = extension_api.get(f"/v1/history/streams/{single_use_link['id']}", "auditor")
        assert '"extension"' in str(history).replace("'", '"')
        assert (
            extension_api.post(f"/v1/single-use/{single_use_link['id']}/revoke", {}, "member-extension")["status"]
            == "revoked"
        )

    def test_analysts_can_tell(self, extension_api: ApiDriver) -> None:
        link = extension_api.create_link("Told from")
        [single_use_link] = extension_api.post(f"/v1/links/{link['id']}/single-use", {}, "member-extension", 201)[
            "items"
        ]
        fetch_list(extension_api, "/v1/single-use", "member")
        query = "SELECT source FROM {reporting}.single_use_links WHERE single_use_id = %s"
        assert extension_api.services.database.fetch_rows(query, (single_use_link["id"],)) == [{"source": "extension"}]

    def test_a_managers_issues_only_from_what_a_member_could(self, extension_api: ApiDriver) -> None:
        link = extension_api.create_link("Somebody's", "member")
        position_before = find_last_position(extension_api)
        response = extension_api.send_request("POST", f"/v1/links/{link['id']}/single-use", {}, "manager-extension")
        assert_problem(response, 404, "not_found")
        assert find_last_position(extension_api) == position_before

    def test_sees_and_revokes_only_what_its_person_issued(self, extension_api: ApiDriver) -> None:
        link = extension_api.create_link("Lent", "member", in_library=True)
        [other_link] = extension_api.post(f"/v1/links/{link['id']}/single-use", {}, "engineer", 201)["items"]
        assert extension_api.get(f"/v1/single-use/{other_link['id']}", "member")
        position_before = find_last_position(extension_api)
        others_path = f"/v1/single-use?issued_by={extension_api.ids['engineer']}"
        assert_problem(extension_api.send_request("GET", others_path, who="member-extension"), 403, "forbidden")
        for query in ("", f"?issued_by={extension_api.ids['member']}", f"?link_id={link['id']}"):
            assert other_link["id"] not in get_ids(
                fetch_list(extension_api, f"/v1/single-use{query}", "member-extension")["items"]
            )
        for method, path in (("GET", ""), ("POST", "/revoke")):
            response = extension_api.send_request(
                method, f"/v1/single-use/{other_link['id']}{path}", who="member-extension"
            )
            assert_problem(response, 404, "not_found")
        assert find_last_position(extension_api) == position_before


def filter_cors_headers(headers: Any) -> dict[str, str]:
    """The headers of CORS."""
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


def send_preflight(api: ApiDriver, path: str, method: str, origin: str) -> Any:
    """Send the preflight request of a browser."""
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers["Access-Control-Request-Headers"] = "authorization,content-type,idempotency-key"
    return api.client.options(path, headers=headers)


class TestOrigins:
    """Who may read answers from a browser."""

    @pytest.mark.parametrize(("method", "path"), sorted({*ALLOWED_OPERATIONS, ("POST", PAIRING_PATH)}))
    def test_the_extension_may_on_what_it_needs(
        self, extension_api: ApiDriver, paths: dict[str, str], method: str, path: str
    ) -> None:
        address = paths.get(path, path)
        preflight_response = send_preflight(extension_api, address, method, OUR_EXTENSION)
        assert preflight_response.status_code == 204
        assert preflight_response.headers["access-control-allow-origin"] == OUR_EXTENSION
        assert method in preflight_response.headers["access-control-allow-methods"]
        assert {"Authorization", "Idempotency-Key"} <= set(
            preflight_response.headers["access-control-allow-headers"].split(", ")
        )
        assert "access-control-allow-credentials" not in preflight_response.headers
        response = extension_api.client.request(method, address, headers={"Origin": OUR_EXTENSION}, json={})
        assert response.headers["access-control-allow-origin"] == OUR_EXTENSION
        assert "Oncelink-Position" in response.headers["access-control-expose-headers"]
        assert "origin" in response.headers["vary"].lower()

    @pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
    def test_nobody_else_may(self, extension_api: ApiDriver, paths: dict[str, str], origin: str) -> None:
        for method, path in sorted({*ALLOWED_OPERATIONS, ("POST", PAIRING_PATH)}):
            address = paths.get(path, path)
            assert filter_cors_headers(send_preflight(extension_api, address, method, origin).headers) == {}
            headers = extension_api.build_headers("member-extension") | {"Origin": origin}
            response = extension_api.client.request(method if method == "GET" else "OPTIONS", address, headers=headers)
            assert filter_cors_headers(response.headers) == {}
            assert "origin" in response.headers["vary"].lower()

    @pytest.mark.parametrize(
        "path", sorted({path for _, path in ALL_OPERATIONS} - {path for _, path in ALLOWED_OPERATIONS})
    )
    def test_not_even_the_extension_on_the_rest(
        self, extension_api: ApiDriver, paths: dict[str, str], path: str
    ) -> None:
        headers = filter_cors_headers(send_preflight(extension_api, paths[path], "POST", OUR_EXTENSION).headers)
        if (
            path == "/v1/single-use/revoke"
        ):  # to GET it is the single-use link of an id, which the extension may ask for
            assert headers["access-control-allow-methods"] == "GET"
            return
        assert headers == {}
        response = extension_api.client.get(paths[path], headers={"Origin": OUR_EXTENSION})
        assert filter_cors_headers(response.headers) == {}

    @pytest.mark.parametrize("path", ["/links", "/settings", "/settings/extension", "/docs", "/book/target", "/"])
    def test_nor_on_pages(self, extension_api: ApiDriver, path: str) -> None:
        response = extension_api.client.get(path, headers={"Origin": OUR_EXTENSION}, follow_redirects=False)
        assert filter_cors_headers(response.headers) == {}

    def test_others_can_be_listed(self) -> None:
        first_origin, second_origin = "chrome-extension://" + "b" * 32, "chrome-extension://" + "c" * 32
        assert read_settings(extension_origins=f"{first_origin}, {second_origin}").extensions == [
            first_origin,
            second_origin,
        ]
        assert read_settings(extension_origins="").extensions == []

    @pytest.mark.parametrize("value", ["*", "null", "https://a.example", OUR_EXTENSION + "/", "chrome-extension://q"])
    def test_nothing_else_can_be_listed(self, value: str) -> None:
        with pytest.raises(WrongSetting, match="ONCELINK_EXTENSION_ORIGINS"):
            read_settings(extension_origins=value)
