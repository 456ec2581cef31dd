"""Queries, and ids in paths: what is wrong is refused, whatever the route, and the log does not move."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.api.attacks import OPERATIONS, build_required_query, build_valid_body
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

CONTROL = ["%00", "a%00b", "%07", "%1B", "%7F", "%C2%85", "a%0Db"]
BROKEN_CURSORS = ["%ED%A0%80", "%FF%FE", "%C0%80"]
BY_NAME = {
    "limit": ["0", "-1", "201", "9" * 5_000, "1e3", "1.5", "ten", "", "%00", "٣"],
    "q": ["a" * 201, *CONTROL],
    "cursor": ["zqx", "%00", "a" * 1_001, "e30", "W10", "bnVsbA", quote("é"), "=", "[" * 1_000],
    "from": [
        "2026-1-1",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "1999-12-31",
        "20260101",
        "now",
        "",
        "%00",
        "٢٠٢٦-01-01",
    ],
    "time_zone": [
        "../etc/passwd",
        "Factory",
        "localtime",
        "/UTC",
        "UTC%00",
        "utc",
        "",
        "Mars",
        "posix/UTC",
        "a" * 10_000,
    ],
    "uuid": ["1", "", "%00", "None", "0" * 33],
    "date-time": [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00%2B23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00%2B99:99",
        "",
        "1767225600",
    ],
    "enum": ["zqx", "", "%00", "ALL"],
    "boolean": ["zqx", "2", "%00"],
    "integer": ["-1", "9" * 5_000, "1e3", "1.5", "ten", "", "%00"],
    "at": [
        "-1",
        "0",
        "9" * 18,
        "9" * 5_000,
        "1.5",
        "now",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "",
        "%00",
        "٣",
        "1999-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00%2B23:59",
    ],
    "type": ["zqx", "", "%00", "LinkUpdated.v", "LinkUpdated.v9", "linkupdated", "%25", "a" * 101],
    "month": ["2026", "2026-13", "2026-1", "", "%00", "a" * 101],
    "weights": ["zqx", "1", "%00", f"{uuid4()}:0", f"{uuid4()}:a", "a" * 5_001],
    "priorities": ["zqx", "1", "%00", f"{uuid4()}:10", f"{uuid4()}:a", "a" * 5_001],
    "actor": ["zqx", "", "%00", "persons", "1", "a" * 101],
}
BY_NAME["to"] = BY_NAME["from"]
V1_OPERATIONS = [operation_row for operation_row in OPERATIONS if operation_row[0].startswith("/v1/")]


def generate_bad_values(parameter: Any) -> Iterator[str]:
    """Generate values that a query parameter must refuse."""
    schema = parameter["schema"]
    yield from BY_NAME.get(parameter["name"], ())
    if parameter["name"] not in BY_NAME:
        kind = "enum" if "enum" in schema else schema.get("format", schema["type"])
        yield from BY_NAME[kind]


@pytest.mark.usefixtures("unchanged_log")
class TestQueries:
    """Every query parameter of the document."""

    @pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=lambda v: v if isinstance(v, str) else "")
    def test_every_parameter(
        self, shared_api: ApiDriver, paths: dict[str, str], path: str, method: str, operation: Any
    ) -> None:
        who = "admin" if operation["security"] else None
        parameters = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        valid_values = {"from": "2030-01-01", "to": "2030-01-02", "time_zone": "UTC", "at": "2"}
        for parameter in parameters:
            other_parameters = "".join(
                f"&{name}={value}" for name, value in valid_values.items() if name != parameter["name"]
            )
            for value in generate_bad_values(parameter):
                response = shared_api.send_request(
                    method.upper(), f"{paths[path]}?{parameter['name']}={value}{other_parameters}", who=who
                )
                problem = assert_problem(response, 422, "invalid")
                assert len(value) < 3 or value not in json.dumps(problem), (parameter["name"], value)
            for value in BROKEN_CURSORS:
                response = shared_api.send_request(
                    method.upper(), f"{paths[path]}?{parameter['name']}={value}{other_parameters}", who=who
                )
                assert response.status_code in (200, 422), (parameter["name"], value, response.text)

    def test_the_enumeration_found_them(self) -> None:
        names = {parameter["name"] for _, _, operation in OPERATIONS for parameter in operation.get("parameters", [])}
        assert {"q", "cursor", "limit", "from", "to", "time_zone", "link_id", "starts_to", "view", "sort"} <= names


@pytest.mark.usefixtures("unchanged_log")
class TestStrictQueries:
    """Parameters that an operation does not know, or that stand twice."""

    @pytest.mark.parametrize(
        ("path", "method", "operation"), V1_OPERATIONS, ids=lambda v: v if isinstance(v, str) else ""
    )
    def test_unknown_is_refused(
        self, shared_api: ApiDriver, paths: dict[str, str], path: str, method: str, operation: Any
    ) -> None:
        needs_sign_in = "401" in operation["responses"]
        body = build_valid_body(operation)
        address = f"{paths[path]}?{build_query(operation)}"
        for name in ("zqx", "Limit", "q%5B%5D", "%00", "", "%ED%A0%80", "a" * 5_000):
            who = "admin" if needs_sign_in else None
            problem = assert_problem(
                shared_api.send_request(method.upper(), f"{address}&{name}=zqxsecret", body, who), 422, "invalid"
            )
            assert [error["message"] for error in problem["errors"]] == ["This parameter is not known."]
            assert problem["errors"][0]["field"] == ("zqx" if name == "zqx" else problem["errors"][0]["field"])
            assert "zqxsecret" not in json.dumps(problem)
        if needs_sign_in:
            assert_problem(shared_api.send_request(method.upper(), f"{address}&zqx=1", body), 401, "unauthorized")

    @pytest.mark.parametrize(
        ("path", "method", "operation"), V1_OPERATIONS, ids=lambda v: v if isinstance(v, str) else ""
    )
    def test_repeated_is_refused(
        self, shared_api: ApiDriver, paths: dict[str, str], path: str, method: str, operation: Any
    ) -> None:
        who = "admin" if "401" in operation["responses"] else None
        query = build_query(operation)
        for pair in query.split("&") if query else []:
            problem = assert_problem(
                shared_api.send_request(method.upper(), f"{paths[path]}?{query}&{pair}", who=who), 422, "invalid"
            )
            error = {"field": pair.partition("=")[0], "message": "This parameter may stand only once."}
            assert error in problem["errors"]

    def test_a_role_is_checked_first(self, shared_api: ApiDriver) -> None:
        assert_problem(shared_api.send_request("GET", "/v1/history?zqx=1", who="member"), 403, "forbidden")


def test_pages_take_what_campaigns_add(shared_api: ApiDriver, paths: dict[str, str]) -> None:
    [code] = shared_api.create_codes(shared_api.create_link("Campaign"))
    for path in ("/book/target", f"/s/{code}", paths["/v1/manage/{code}"].replace("/v1/manage/", "/m/")):
        response = shared_api.client.get(f"{path}?utm_source=mail&utm_source=letter&fbclid=1&_hsenc=2")
        assert response.status_code == 200, path


def build_query(operation: Any) -> str:
    """Build a query with a valid value for each parameter of an operation that takes any."""
    parameters = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    return "&".join(f"{parameter['name']}={get_valid_value(parameter)}" for parameter in parameters)


def get_valid_value(parameter: Any) -> str:
    """Return a value that a query parameter accepts by its schema. That of a cursor is none that was answered."""
    name, schema = parameter["name"], parameter["schema"]
    if "enum" in schema:
        return str(schema["enum"][0])
    values = {"at": "2", "time_zone": "UTC", "from": "2030-01-01", "to": "2030-01-01"}
    if name in values and schema["type"] == "string":
        return values[name]
    values = {"integer": "1", "boolean": "false", "uuid": str(uuid4()), "date": "2030-01-01", "string": "a"}
    return {**values, "date-time": "2030-01-01T00:00:00Z"}[schema.get("format", schema["type"])]


@pytest.mark.usefixtures("unchanged_log")
class TestCursors:
    """A cursor belongs to its list and order, and hides nothing that reaches the database."""

    @pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800", "x" * 600, 7, None, True, ["a"], {"a": 1}])
    @pytest.mark.parametrize(
        "address", ["/v1/links?view=all&sort=name", "/v1/people", "/v1/meeting-log", "/v1/single-use"]
    )
    def test_forged(self, shared_api: ApiDriver, address: str, value: Any) -> None:
        for name in ("name", "-created_at", "created_at", "-booked_at", "-issued_at"):
            for key in (str(uuid4()), "\0", 7, None):
                cursor = urlsafe_b64encode(json.dumps([name, value, key]).encode()).decode().rstrip("=")
                response = shared_api.send_request(
                    "GET", f"{address}{'&' if '?' in address else '?'}cursor={cursor}", who="admin"
                )
                assert response.status_code in (200, 422), response.text
                if key in ("\0", 7, None) or value != "x" * 600:
                    assert_problem(response, 422, "invalid")

    @pytest.mark.parametrize(
        "at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01", "2026-W01-1"]
    )
    def test_times_at_the_edges(self, shared_api: ApiDriver, at: str) -> None:
        cursor = urlsafe_b64encode(json.dumps(["-booked_at", at, str(uuid4())]).encode()).decode().rstrip("=")
        assert shared_api.send_request("GET", f"/v1/meeting-log?cursor={cursor}", who="admin").status_code in (200, 422)


class TestCursorOfAnotherList:
    """A cursor is not a place in any other list or order."""

    def test_is_refused(self, shared_api: ApiDriver) -> None:
        for number in range(3):
            shared_api.create_link(f"Cursor {number}")
        page = shared_api.get("/v1/links?view=all&sort=name&limit=1", "admin")
        for address in (
            "/v1/links?view=all&sort=-name",
            "/v1/meeting-log",
            "/v1/people",
            "/v1/single-use",
            "/v1/api-keys",
        ):
            separator = "&" if "?" in address else "?"
            assert_problem(
                shared_api.send_request("GET", f"{address}{separator}cursor={page['next_cursor']}", who="admin"),
                422,
                "invalid",
            )


@pytest.mark.usefixtures("unchanged_log")
class TestSlotsQuery:
    """GET …/slots?from=&to=&time_zone="""

    def test_days_out_of_order_or_too_many(self, shared_api: ApiDriver, paths: dict[str, str]) -> None:
        for path in (paths["/v1/book/{code}"], paths["/v1/manage/{code}"]):
            for first, last, expect in (
                ("2030-01-02", "2030-01-01", 422), ("2030-01-01", "2030-03-04", 422), ("2030-01-01", "2030-03-03", 200),
                ("2000-01-01", "2999-12-31", 422), ("2999-12-31", "2999-12-31", 200), ("2000-01-01", "2000-01-01", 200),
            ):  # fmt: skip
                query = f"from={first}&to={last}&time_zone=Pacific/Kiritimati"
                assert shared_api.send_request("GET", f"{path}/slots?{query}").status_code == expect, (first, last)

    def test_each_is_required(self, shared_api: ApiDriver, paths: dict[str, str]) -> None:
        problem = assert_problem(shared_api.send_request("GET", f"{paths['/v1/book/{code}']}/slots"), 422, "invalid")
        assert {error["field"] for error in problem["errors"]} == {"from", "to", "time_zone"}

    @pytest.mark.parametrize(
        "start",
        ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:00", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00+23:59",
         "9999-12-30T00:00:00-23:59", "2030-01-01T00:00:00.123456789Z", "1970-01-01T00:00:00Z", "2016-12-31T23:59:60Z"],
    )  # fmt: skip
    def test_starts_at_the_edges_of_time(self, shared_api: ApiDriver, paths: dict[str, str], start: str) -> None:
        guest = {"name": "Edge", "email": "edge@guest.example", "time_zone": "UTC"}
        assert_problem(shared_api.send_request("POST", paths["/v1/book/{code}"], {"start": start, "guest": guest}), 422)
        assert_problem(
            shared_api.send_request("POST", f"{paths['/v1/manage/{code}']}/reschedule", {"start": start}), 422
        )
        assert_problem(
            shared_api.send_request("POST", f"{paths['/v1/bookings/{id}']}/reschedule", {"start": start}, "admin"), 422
        )


@pytest.mark.usefixtures("unchanged_log")
class TestIds:
    """A malformed id or code is as unknown as any."""

    @pytest.mark.parametrize(
        ("path", "method", "operation"),
        [operation_row for operation_row in OPERATIONS if "{" in operation_row[0]],
        ids=lambda v: v if isinstance(v, str) else "",
    )
    def test_malformed_is_unknown(self, shared_api: ApiDriver, path: str, method: str, operation: Any) -> None:
        who = "admin" if operation["security"] else None
        query = build_required_query(path, 2)
        unknown = None
        for id in (str(uuid4()), "1", "a%00b", "%00", "%ED%A0%80", "%FF", "x" * 5_000, "-", "%20", "%0A", "é",
                   "A" * 43, "1" * 32 + "g"):  # fmt: skip
            response = shared_api.send_request(
                method.upper(), replace_id(path, id) + query, build_valid_body(operation), who
            )
            problem = assert_problem(response, 404, "not_found" if who else "link_not_found")
            headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
            assert unknown in (None, (problem, headers))
            unknown = problem, headers


def replace_id(path: str, id: str) -> str:
    """Replace a path's id or code."""
    return path.replace("{id}", id).replace("{code}", id).replace("{name}", id)
