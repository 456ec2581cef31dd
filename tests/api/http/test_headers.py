"""Headers of requests: what is wrong is refused, whatever the route, and the log does not move."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.api.attacks import OPERATIONS, build_valid_body
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.calendars.feed_server import build_feed, run_feed_server

GARBAGE_KEYS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer olk_",
    "Bearer olk_" + "a" * 43,
    "Basic YTpi",
    "olk_x",
    "Bearer " + "olk_" * 5_000,
    "Bearer olk_\xff",
    "Digest a=b",
]

KEYED = [
    path for path, _, one in OPERATIONS if any(it["name"] == "Idempotency-Key" for it in one.get("parameters", []))
]


@pytest.mark.usefixtures("unchanged_log")
class TestHeaders:
    """If-Match, Oncelink-Min-Position, Idempotency-Key, Authorization, Accept."""

    @pytest.mark.parametrize(
        "value", ["3", "zqx", '""', '"x"', '"-1"', '"1.5"', '"' + "9" * 5_000 + '"', "\xff", '"1", "2"']
    )
    def test_if_match(self, shared_api: ApiDriver, paths: dict[str, str], value: str) -> None:
        for path, method, operation in OPERATIONS:
            if has_header(operation, "If-Match"):
                headers = shared_api.build_headers("admin") | {"If-Match": value.encode("latin-1")}
                body = None if method == "delete" else {}
                response = shared_api.client.request(method, paths[path], json=body, headers=headers)
                assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == "If-Match"

    @pytest.mark.parametrize("value", ["", "-1", "zqx", "1.5", "9" * 19, "9" * 5_000, "\xb2", "0x10", "1 2"])
    def test_min_position(self, shared_api: ApiDriver, paths: dict[str, str], value: str) -> None:
        for path, method, operation in OPERATIONS:
            if has_header(operation, "Oncelink-Min-Position"):
                headers = shared_api.build_headers("admin") | {"Oncelink-Min-Position": value.encode("latin-1")}
                response = shared_api.client.request(method, paths[path], headers=headers)
                assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == "Oncelink-Min-Position"

    @pytest.mark.parametrize("value", ["", "a b", "\xe9", "a" * 256, "a\tb", "\x7f"])
    def test_idempotency_key(self, shared_api: ApiDriver, paths: dict[str, str], value: str) -> None:
        checked_count = 0
        for path, method, operation in OPERATIONS:
            if has_header(operation, "Idempotency-Key"):
                checked_count += 1
                headers = shared_api.build_headers("admin") | {"Idempotency-Key": value.encode("latin-1")}
                response = shared_api.client.request(
                    method, paths[path], json=build_valid_body(operation), headers=headers
                )
                assert "Idempotency-Key" in [
                    error["field"] for error in assert_problem(response, 422, "invalid")["errors"]
                ]
        assert checked_count == sum(1 for _, _, spec in OPERATIONS if "201" in spec["responses"])

    @pytest.mark.parametrize("value", GARBAGE_KEYS)
    def test_authorization(self, shared_api: ApiDriver, paths: dict[str, str], value: str) -> None:
        checked_count = 0
        for path, method, operation in OPERATIONS:
            if operation["security"]:
                checked_count += 1
                headers = {"Authorization": value.encode("latin-1"), "Oncelink-Min-Position": "9" * 18}
                response = shared_api.client.request(
                    method, paths[path], json=build_valid_body(operation), headers=headers
                )
                assert_problem(response, 401, "unauthorized")
                assert response.headers["www-authenticate"] == "Bearer"
        assert checked_count > 30

    @pytest.mark.parametrize("value", ["", "zqx", "*/*;q=zqx", "text/html", "\xff", "application/xml", "," * 1_000])
    def test_accept(self, shared_api: ApiDriver, value: str) -> None:
        headers = shared_api.build_headers("admin") | {"Accept": value.encode("latin-1")}
        response = shared_api.client.get("/v1/meeting-log", headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"


@dataclass(frozen=True)
class Creation:
    """A request that creates, and what another request under its key would change of it (None: it has no body)."""

    who: str | None
    path: str
    body: Any = None
    change: Any = None


@pytest.fixture(scope="module")
def creations(shared_api: ApiDriver) -> Iterator[dict[str, list[Creation]]]:
    """Requests that create, by the path of the document; each may be sent once."""
    api, type_id, me = shared_api, shared_api.ids["type"], "/v1/me"
    link = api.create_link("Keyed", slug="keyed")
    name, link_path = {"name": "Another"}, f"/v1/links/{link['id']}/single-use"
    person = {"name": "Nora", "email": "nora@nexora.example", "time_zone": "UTC"}
    managed = {"name": "Team", "slug": "team", "meeting_type_id": type_id, "host_ids": [api.ids["engineer"]]}
    guest = {"guest": GUEST | {"name": "Mallory"}}
    with run_feed_server() as server:
        server.feeds["/own.ics"] = build_feed()
        yield {
            "/v1/people": [Creation("admin", "/v1/people", person, name)],
            "/v1/meeting-types": [Creation("admin", "/v1/meeting-types", {"name": "A", "duration_minutes": 30}, name)],
            "/v1/teams": [
                Creation("manager", "/v1/teams", {"name": "A", "members": [{"person_id": api.ids["engineer"]}]}, name)
            ],
            "/v1/links": [Creation("member", "/v1/links", {"name": "Own", "meeting_type_id": type_id}, name)],
            "/v1/managed-links": [Creation("manager", "/v1/managed-links", managed, name)],
            "/v1/links/{id}/single-use": [Creation("member", link_path, {"label": "A"}, {"label": "B"})],
            "/v1/book/{code}": [
                Creation(None, f"/v1/book/{code}", {"start": start, "guest": GUEST}, guest)
                for code, start in zip(["keyed", *api.create_codes(link)], api.list_slots("keyed"), strict=False)
            ],
            "/v1/bookings/{id}/replacement": [
                Creation("member", f"/v1/bookings/{cancel_booking(api)}/replacement", {"send": False}, {"send": True})
            ],
            "/v1/erasures": [Creation("admin", "/v1/erasures", {"email": "a@b.example"}, {"email": "c@b.example"})],
            "/v1/webhooks": [
                Creation(
                    "manager",
                    "/v1/webhooks",
                    {"url": "https://hooks.example.com/a", "types": ["link.deleted"]},
                    {"url": "https://hooks.example.com/b"},
                )
            ],
            "/v1/api-keys": [Creation("member", "/v1/api-keys", {"name": "Script"}, name)],
            f"{me}/calendars": [Creation("member", f"{me}/calendars", {"url": server.build_url("/own.ics")}, name)],
            f"{me}/calendar-feed": [Creation("member", f"{me}/calendar-feed")],
        }


def cancel_booking(api: ApiDriver) -> str:
    """Book by a single-use link, and cancel as its host. Returns the id of the booking."""
    [code] = api.create_codes(api.create_link("Cancelled"))
    id = str(api.book_meeting(code, api.list_slots(code)[-1])["booking"]["id"])
    api.post(f"/v1/bookings/{id}/cancel", {}, "member")
    return id


class TestReusedKeys:
    """Every operation that takes an Idempotency-Key: the same body is answered again, another body is told nothing."""

    @pytest.mark.parametrize("path", KEYED)
    def test_a_key_alone_opens_nothing(
        self, shared_api: ApiDriver, creations: dict[str, list[Creation]], path: str
    ) -> None:
        for one in creations[path]:
            headers = shared_api.build_headers(one.who) | {"Idempotency-Key": f"order-{uuid4()}"}
            first = shared_api.client.post(one.path, json=one.body, headers=headers)
            assert first.status_code == 201, first.text
            before = find_last_position(shared_api)
            other = {**one.body, **one.change} if one.body else {"name": "Another"}
            answer = shared_api.client.post(one.path, json=other, headers=headers)
            assert_problem(answer, 422, "idempotency_key_reused" if one.body else "invalid")
            assert [
                secret for secret in iterate_texts(first.json()) if secret in answer.text + str(answer.headers)
            ] == []
            again = shared_api.client.post(one.path, json=one.body, headers=headers)
            assert (again.status_code, again.content) == (201, first.content)
            assert again.headers["idempotent-replayed"] == "true"
            assert find_last_position(shared_api) == before

    def test_the_document_says_that_nobody_may_guess_them(self) -> None:
        for _, _, operation in OPERATIONS:
            for one in operation.get("parameters", []):
                if one["name"] == "Idempotency-Key":
                    assert "nobody can guess" in one["description"]
                    assert "128 random bits" in one["description"]


def iterate_texts(value: Any) -> Iterator[str]:
    """Iterate over the texts of a JSON value that are too long to occur by chance."""
    if isinstance(value, str) and len(value) > 8:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from iterate_texts(inner)


def has_header(operation: Any, header: str) -> bool:
    """Whether an operation documents a request header."""
    return any(parameter["name"] == header for parameter in operation.get("parameters", []))
