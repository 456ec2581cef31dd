"""What holds for every answer: positions, methods, request ids."""

import time
from typing import Any

import pytest

from tests.api.attacks import DOCUMENT
from tests.api.refusals import head, refused
from tests.api_driver import House

LISTS = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if any(one["name"] == "Oncelink-Min-Position" for one in methods.get("get", {}).get("parameters", []))
]


class TestReadYourWrites:
    """Oncelink-Position and Oncelink-Min-Position"""

    def test_a_list_waits_for_the_write(self, shared_house: House) -> None:
        for number in range(20):
            body = {"name": f"Waited for {number}", "meeting_type_id": shared_house.ids["type"]}
            made = shared_house.send("POST", "/v1/links", body, "member")
            position = made.headers["oncelink-position"]
            found = shared_house.send("GET", "/v1/links?limit=1", None, "member", Oncelink_Min_Position=position)
            assert found.json()["items"] == [made.json()]

    def test_far_ahead(self, shared_house: House) -> None:
        assert len(LISTS) == 13
        for path in ("/v1/meeting-log", "/v1/people"):
            began = time.monotonic()
            wanted = str(head(shared_house) + 1_000_000)
            refused(
                shared_house.send("GET", path, None, "admin", Oncelink_Min_Position=wanted), 503, "read_model_behind"
            )
            assert 1.5 < time.monotonic() - began < 10

    def test_a_single_thing_needs_no_waiting(self, shared_house: House) -> None:
        for number in range(5):
            link = shared_house.link(f"At once {number}")
            assert shared_house.get(f"/v1/links/{link['id']}", "member") == link


@pytest.fixture(scope="module")
def addresses(shared_house: House) -> list[tuple[str, str, str | None]]:
    """Each path of the document with real ids, what it may be asked for, and by whom."""
    house = shared_house
    link = house.link("Methods", slug="methods")
    [token] = house.post(f"/v1/links/{link['id']}/single-use", {}, "admin", 201)["items"]
    made = house.book("methods", house.slots("methods")[0])
    managed = {"name": "M", "slug": "mm", "meeting_type_id": house.ids["type"], "host_ids": [house.ids["engineer"]]}
    ids = {
        "people": house.ids["engineer"], "meeting-types": house.ids["type"], "links": link["id"],
        "managed-links": house.post("/v1/managed-links", managed, "manager", 201)["id"], "single-use": token["id"],
        "book": token["code"], "manage": made["manage_url"].rsplit("/", 1)[1], "bookings": made["booking"]["id"],
        "streams": link["id"], "meeting-log": made["booking"]["id"], "read-models": "links",
    }  # fmt: skip
    house.send("POST", "/v1/history/verify", who="admin")  # there must be one to look at
    found = []
    for path, methods in DOCUMENT["paths"].items():
        id = ids.get(path.split("/{")[0].rsplit("/", 1)[-1], "x")
        signed = any("security" in one for one in methods.values())
        query = "?from=2030-01-01&to=2030-01-01&time_zone=UTC" if path.endswith("/slots") else ""
        query = "?from=0" if path.endswith("/proofs") else query
        query = f"?at={head(house)}" if "/as-of/" in path else query
        address = path.replace("{id}", id).replace("{code}", id).replace("{name}", id) + query
        found.append((address, ",".join(methods), "admin" if signed else None))
    return found


MOVING = (
    "/metrics",
    "/v1/history/",
    "/v1/read-models",
)  # what two requests right after each other may be answered differently


class TestMethods:
    """GET, HEAD and OPTIONS never append; other methods are refused as any other mistake."""

    def test_reading_never_appends(self, shared_house: House, addresses: list[Any]) -> None:
        before = head(shared_house)
        for address, methods, who in addresses:
            for _ in range(2):
                got = shared_house.send("GET", address, who=who)
                only = shared_house.send("HEAD", address, who=who)
                assert shared_house.send("OPTIONS", address, who=who).status_code in (204, 405)
                assert got.status_code == only.status_code == (200 if "get" in methods else 405), address
                assert only.content == b""
                if "get" in methods and not address.startswith(MOVING):
                    assert only.headers["content-length"] == str(len(got.content))
        assert head(shared_house) == before

    def test_unknown_methods(self, shared_house: House, addresses: list[Any]) -> None:
        before = head(shared_house)
        for address, methods, who in addresses:
            for method in (
                "PUT",
                "TRACE",
                "PROPFIND",
                *({"POST", "PATCH", "DELETE"} - set(methods.upper().split(","))),
            ):
                answer = shared_house.send(method, address, who=who)
                refused(answer, 405, "method_not_allowed")
                assert answer.headers["allow"]
        assert head(shared_house) == before

    @pytest.mark.usefixtures("unmoved")
    def test_unknown_paths(self, shared_house: House) -> None:
        for path in ("/v1", "/v1/", "/v1/nothing", "/v1/links/a/b/c", "/v2/links", "/%00", "/v1/book/a/b/c", "/.env"):
            for method in ("GET", "POST", "DELETE"):
                refused(shared_house.send(method, path, who="admin"), 404, "not_found")


class TestRequestId:
    """X-Request-Id is in every answer and in the history."""

    def test_is_in_the_event(self, shared_house: House) -> None:
        body = {"name": "Traced", "meeting_type_id": shared_house.ids["type"]}
        answer = shared_house.send("POST", "/v1/links", body, "member", X_Request_Id="chosen by somebody else")
        rows = shared_house.oncelink.database.rows(
            "SELECT data FROM {schema}.events WHERE position = %s", (int(answer.headers["oncelink-position"]),)
        )
        event = rows[0]["data"]
        assert event["request_id"] == answer.headers["x-request-id"]
        assert event["actor"] == {"kind": "person", "id": shared_house.ids["member"]}
        assert event["source"] == "api"

    def test_is_another_one_each_time(self, shared_house: House) -> None:
        found = {shared_house.send("GET", "/healthz").headers["x-request-id"] for _ in range(10)}
        assert len(found) == 10
