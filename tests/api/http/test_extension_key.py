"""What the extension's key may do, and which origins may read answers: everything else is tried and refused."""

from typing import Any
from uuid import uuid4

import pytest

from api.http.api_key_scopes import EXTENSION, OPERATIONS, PAIRING_PATH
from api.settings import OUR_EXTENSION, WrongSetting, read_settings
from tests.api.attacks import DOCUMENT, body_of
from tests.api.pages.pairing import paired
from tests.api.refusals import head, ids, listed, refused
from tests.api_driver import House

EVERY = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "security" in operation
]
MAY = OPERATIONS[EXTENSION]
FOREIGN = ["https://evil.example", "chrome-extension://" + "a" * 32, "null", OUR_EXTENSION + "/", OUR_EXTENSION.upper()]
ROLES = ("member", "manager", "admin")


@pytest.fixture(scope="module")
def connected(shared_house: House) -> House:
    """Everybody who has links has connected the extension."""
    for role in ROLES:
        paired(shared_house, role)
    return shared_house


def of(path: str, paths: dict[str, str]) -> str:
    """An address for a path, that would be answered if it were allowed."""
    return paths[path] + ("?at=1" if "/as-of/" in path else "")


def test_what_is_tried_is_everything() -> None:
    assert len(EVERY) > 40
    assert set(EVERY) > MAY
    assert len(MAY) == 7


@pytest.mark.usefixtures("unmoved")
class TestTheLimitedKey:
    """Each operation of the document."""

    @pytest.mark.parametrize(("method", "path"), sorted(set(EVERY) - MAY))
    def test_is_refused_everything_else(self, connected: House, paths: dict[str, str], method: str, path: str) -> None:
        body = body_of(DOCUMENT["paths"][path][method.lower()])
        for role in ROLES:
            refused(connected.send(method, of(path, paths), body, f"{role}-extension"), 403, "forbidden")

    def test_is_refused_all_links_also_to_a_manager(self, connected: House) -> None:
        refused(connected.send("GET", "/v1/links?view=all", who="manager-extension"), 403, "forbidden")

    def test_opens_no_page(self, connected: House) -> None:
        key = {"Authorization": f"Bearer {connected.keys['admin-extension']}", "Accept": "text/html"}
        for path in ("/links", "/settings", "/admin/people"):
            assert connected.client.get(path, headers=key, follow_redirects=False).status_code == 303

    def test_ends_no_key_but_itself(self, connected: House) -> None:
        other = connected.post("/v1/api-keys", {}, "member", 201)["id"]
        for id in (other, str(uuid4()), "zqx"):
            answer = connected.send("DELETE", f"/v1/api-keys/{id}", who="member-extension")
            refused(answer, 403, "forbidden")
        made = paired(connected, "engineer")
        for id in (made["id"].upper(),):
            assert connected.send("DELETE", f"/v1/api-keys/{id}", who="engineer-extension").status_code == 204
        refused(connected.send("GET", "/v1/me", who="engineer-extension"), 401, "unauthorized")

    def test_of_an_unknown_scope_may_nothing(self, connected: House) -> None:
        made = paired(connected, "engineer")
        connected.oncelink.database.rows(
            "UPDATE {schema}.api_keys SET scope = 'zqx' WHERE id = %s RETURNING id", (made["id"],)
        )
        refused(connected.send("GET", "/v1/me", who="engineer-extension"), 403, "forbidden")


class TestWhatItMay:
    """Listing links, issuing, and one's own single-use links."""

    def test_lists_ones_links_and_the_library(self, connected: House) -> None:
        own = connected.link("Own", "manager")
        shared = connected.link("Shared", "member", in_library=True)
        assert own["id"] in ids(listed(connected, "/v1/links", "manager-extension")["items"])
        assert shared["id"] in ids(listed(connected, "/v1/links?view=library", "manager-extension")["items"])

    @pytest.mark.parametrize("source", [None, "web", "api"])
    def test_what_it_issues_has_its_source(self, connected: House, source: str | None) -> None:
        link = connected.link("Issued from")
        body = {"source": source} if source else {}
        made = connected.post(f"/v1/links/{link['id']}/single-use", body, "member-extension", 201)["items"][0]
        assert made["source"] == "extension"
        assert made["code"]
        assert connected.get(f"/v1/single-use/{made['id']}", "member")["source"] == "extension"
        story = connected.get(f"/v1/history/streams/{made['id']}", "auditor")
        assert '"extension"' in str(story).replace("'", '"')
        assert connected.post(f"/v1/single-use/{made['id']}/revoke", {}, "member-extension")["status"] == "revoked"

    def test_analysts_can_tell(self, connected: House) -> None:
        link = connected.link("Told from")
        [made] = connected.post(f"/v1/links/{link['id']}/single-use", {}, "member-extension", 201)["items"]
        listed(connected, "/v1/single-use", "member")
        question = "SELECT source FROM {reporting}.single_use_links WHERE single_use_id = %s"
        assert connected.oncelink.database.rows(question, (made["id"],)) == [{"source": "extension"}]

    def test_a_managers_issues_only_from_what_a_member_could(self, connected: House) -> None:
        link = connected.link("Somebody's", "member")
        before = head(connected)
        answer = connected.send("POST", f"/v1/links/{link['id']}/single-use", {}, "manager-extension")
        refused(answer, 404, "not_found")
        assert head(connected) == before

    def test_sees_and_revokes_only_what_its_person_issued(self, connected: House) -> None:
        link = connected.link("Lent", "member", in_library=True)
        [theirs] = connected.post(f"/v1/links/{link['id']}/single-use", {}, "engineer", 201)["items"]
        assert connected.get(f"/v1/single-use/{theirs['id']}", "member")
        before = head(connected)
        others = f"/v1/single-use?issued_by={connected.ids['engineer']}"
        refused(connected.send("GET", others, who="member-extension"), 403, "forbidden")
        for query in ("", f"?issued_by={connected.ids['member']}", f"?link_id={link['id']}"):
            assert theirs["id"] not in ids(listed(connected, f"/v1/single-use{query}", "member-extension")["items"])
        for method, path in (("GET", ""), ("POST", "/revoke")):
            answer = connected.send(method, f"/v1/single-use/{theirs['id']}{path}", who="member-extension")
            refused(answer, 404, "not_found")
        assert head(connected) == before


def cors(headers: Any) -> dict[str, str]:
    """The headers of CORS."""
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


def preflight(house: House, path: str, method: str, origin: str) -> Any:
    """What a browser asks before it sends."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    asked["Access-Control-Request-Headers"] = "authorization,content-type,idempotency-key"
    return house.client.options(path, headers=asked)


class TestOrigins:
    """Who may read answers from a browser."""

    @pytest.mark.parametrize(("method", "path"), sorted({*MAY, ("POST", PAIRING_PATH)}))
    def test_the_extension_may_on_what_it_needs(
        self, connected: House, paths: dict[str, str], method: str, path: str
    ) -> None:
        address = paths.get(path, path)
        asked = preflight(connected, address, method, OUR_EXTENSION)
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == OUR_EXTENSION
        assert method in asked.headers["access-control-allow-methods"]
        assert {"Authorization", "Idempotency-Key"} <= set(asked.headers["access-control-allow-headers"].split(", "))
        assert "access-control-allow-credentials" not in asked.headers
        answer = connected.client.request(method, address, headers={"Origin": OUR_EXTENSION}, json={})
        assert answer.headers["access-control-allow-origin"] == OUR_EXTENSION
        assert "Oncelink-Position" in answer.headers["access-control-expose-headers"]
        assert "origin" in answer.headers["vary"].lower()

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_nobody_else_may(self, connected: House, paths: dict[str, str], origin: str) -> None:
        for method, path in sorted({*MAY, ("POST", PAIRING_PATH)}):
            address = paths.get(path, path)
            assert cors(preflight(connected, address, method, origin).headers) == {}
            signed = connected.headers("member-extension") | {"Origin": origin}
            answer = connected.client.request(method if method == "GET" else "OPTIONS", address, headers=signed)
            assert cors(answer.headers) == {}
            assert "origin" in answer.headers["vary"].lower()

    @pytest.mark.parametrize("path", sorted({path for _, path in EVERY} - {path for _, path in MAY}))
    def test_not_even_the_extension_on_the_rest(self, connected: House, paths: dict[str, str], path: str) -> None:
        assert cors(preflight(connected, paths[path], "POST", OUR_EXTENSION).headers) == {}
        assert cors(connected.client.get(paths[path], headers={"Origin": OUR_EXTENSION}).headers) == {}

    @pytest.mark.parametrize("path", ["/links", "/settings", "/settings/extension", "/docs", "/book/target", "/"])
    def test_nor_on_pages(self, connected: House, path: str) -> None:
        answer = connected.client.get(path, headers={"Origin": OUR_EXTENSION}, follow_redirects=False)
        assert cors(answer.headers) == {}

    def test_others_can_be_listed(self) -> None:
        one, two = "chrome-extension://" + "b" * 32, "chrome-extension://" + "c" * 32
        assert read_settings(extension_origins=f"{one}, {two}").extensions == [one, two]
        assert read_settings(extension_origins="").extensions == []

    @pytest.mark.parametrize("value", ["*", "null", "https://a.example", OUR_EXTENSION + "/", "chrome-extension://q"])
    def test_nothing_else_can_be_listed(self, value: str) -> None:
        with pytest.raises(WrongSetting, match="ONCELINK_EXTENSION_ORIGINS"):
            read_settings(extension_origins=value)
