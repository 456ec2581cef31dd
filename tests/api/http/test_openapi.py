"""The OpenAPI document: current, complete, and kept by what the service answers."""

import json
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.generate_docs import OPENAPI, render_openapi
from tests.api_driver import ApiDriver, extract_code

DOCUMENT = json.loads(OPENAPI.read_text(encoding="utf-8"))
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
DOCUMENT_SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


load_all_checks()


WEBHOOK = {"url": "https://127.0.0.1:9999/oncelink", "types": ["link.deleted"]}
VERSIONED_DELETIONS = ("delete_link", "delete_managed_link", "delete_team")


class TestDocument:
    """What a reader of the document finds."""

    def test_is_current(self) -> None:
        assert render_openapi() == OPENAPI.read_text(encoding="utf-8"), "run `python -m api.generate_docs`"

    def test_is_served(self, shared_api: ApiDriver) -> None:
        assert shared_api.get("/openapi.json") == DOCUMENT

    def test_every_limited_operation_tells_its_quotas(self) -> None:
        limited = {id for id, (_, _, operation) in OPERATIONS.items() if "429" in operation["responses"]}
        assert {
            id for id, (path, _, _) in OPERATIONS.items() if path.startswith(("/v1/book/", "/v1/manage/"))
        } <= limited
        for id in limited:
            for response in OPERATIONS[id][2]["responses"].values():
                assert {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys()

    def test_every_reference_leads_somewhere(self) -> None:
        references = set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(DOCUMENT)))
        assert ("schemas", "Problem") in references
        assert {(kind, name) for kind, name in references if name not in DOCUMENT["components"].get(kind, {})} == set()
        unused = {("schemas", name) for name in DOCUMENT["components"]["schemas"]} - references
        assert not unused

    def test_operations_are_readable(self) -> None:
        assert len(OPERATIONS) == sum(map(len, DOCUMENT["paths"].values()))
        tags = {tag["name"] for tag in DOCUMENT["tags"]}
        for id, (_, _, operation) in OPERATIONS.items():
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", id)
            assert len(id) <= 30
            assert 10 <= len(operation["summary"]) <= 90
            assert set(operation["tags"]) <= tags

    def test_who_signs_in(self) -> None:
        for path, _, operation in OPERATIONS.values():
            open_to_all = path.startswith(("/v1/book/", "/v1/manage/")) or not path.startswith("/v1/")
            assert operation["security"] == ([] if open_to_all else [{"ApiKey": []}])
            assert ("401" in operation["responses"]) is not open_to_all

    def test_each_explains_itself(self) -> None:
        for id, (_, _, operation) in OPERATIONS.items():
            assert len(operation["description"]) >= 40, id
            assert operation["description"].endswith("."), id
            assert operation["x-codeSamples"][0]["source"].startswith("curl "), id

    def test_positions_are_told_where_events_are_written(self) -> None:
        """The rule reads the code of the routes: these are some that their tag or method alone would get wrong."""
        writes = {
            "remove_calendar": True,
            "add_calendar": False,
            "mail_code": False,
            "start_verification": False,
            "book_meeting": True,
            "recount_team": False,
        }
        for id, expected in writes.items():
            answers = OPERATIONS[id][2]["responses"].items()
            headers = [answer.get("headers", {}) for status, answer in answers if status.startswith("2")]
            assert any("Oncelink-Position" in names for names in headers) is expected, id

    def test_headers_are_typed(self) -> None:
        headers = DOCUMENT["components"]["headers"]
        assert all(header["schema"]["type"] and header["description"] for header in headers.values())
        assert headers["Oncelink-Position"]["schema"]["type"] == headers["Retry-After"]["schema"]["type"] == "integer"

    def test_is_of_version_3_1_alone(self) -> None:
        assert DOCUMENT["openapi"].startswith("3.1.")
        assert "itemSchema" not in json.dumps(DOCUMENT)
        assert DOCUMENT["servers"]

    def test_request_headers(self) -> None:
        for id, (_, method, operation) in OPERATIONS.items():
            names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
            assert ("Idempotency-Key" in names) is ("201" in operation["responses"])
            assert ("If-Match" in names) is (method == "patch" or id in VERSIONED_DELETIONS)
            # what these list is beside the log, so no position says how new it is
            is_list = "'cursor'" in str(operation) and id not in (
                "list_api_keys",
                "read_access_log",
                "list_webhook_deliveries",
            )
            follows_log = is_list or id in ("recount_team", "try_limit_of_person", "try_limit_of_meeting_type")
            assert ("Oncelink-Min-Position" in names) is follows_log
            assert ("413" in operation["responses"]) is (method not in ("get", "head"))

    def test_refusals_are_problems(self) -> None:
        for path, _, operation in OPERATIONS.values():
            for status, response in operation["responses"].items():
                assert response["description"]
                if status >= "4" and path != "/readyz":
                    [(media_type, content)] = response["content"].items()
                    assert media_type == "application/problem+json"
                    assert content["schema"]["$ref"].endswith("Problem")


@pytest.fixture(scope="module")
def real_ids(shared_api: ApiDriver) -> dict[str, list[str]]:
    """Ids of existing objects of each kind, so that the tests get past the 404."""
    api = shared_api
    links = [
        api.create_link("First", slug="first"),
        api.create_link("Second", slug="second"),
        api.create_link("Third", "admin"),
    ]
    tokens = api.post(f"/v1/links/{links[0]['id']}/single-use", {"count": 3}, "member", 201)["items"]
    starts = api.list_slots("first")
    bookings = [api.book_meeting("first", starts[0]), api.book_meeting(tokens[0]["code"], starts[1])]
    managed = {"name": "All", "slug": "all", "meeting_type_id": api.ids["type"], "host_ids": [api.ids["engineer"]]}
    return {
        "people": [api.ids["engineer"], api.ids["auditor"]],
        "meeting-types": [api.ids["type"]],
        "teams": [api.create_team("engineer")["id"]],
        "links": [link["id"] for link in links],
        "managed-links": [api.post("/v1/managed-links", managed, "manager", 201)["id"]],
        "single-use": [token["id"] for token in tokens],
        "book": ["first", tokens[0]["code"], tokens[1]["code"]],
        "manage": [extract_code(booking["manage_url"]) for booking in bookings],
        "bookings": [booking["booking"]["id"] for booking in bookings],
        "history": [links[0]["id"], tokens[0]["id"]],
        "as-of": [links[0]["id"], tokens[0]["id"], bookings[1]["booking"]["id"]],
        "webhooks": [api.post("/v1/webhooks", WEBHOOK, "manager", 201)["id"]],
        "api-keys": [api.post("/v1/api-keys", {"name": "old"}, "admin", 201)["id"]],
    }


def assert_conforms(api: ApiDriver, real_ids: dict[str, list[str]], case: Any, who: str | None) -> None:
    """Sends a generated request, two times out of three to a thing that exists, and checks the answer."""
    ids = real_ids.get(case.path.split("/")[2], []) if case.path.count("/") > 1 else []
    id_choice = len(repr(case.body)) + len(repr(case.query))
    for name in case.path_parameters or {}:
        if ids and id_choice % 3:
            case.path_parameters[name] = ids[id_choice % len(ids)]
    if str((case.headers or {}).get("Oncelink-Min-Position", "")).isdigit():
        case.headers["Oncelink-Min-Position"] = "1"  # a later one would be waited for, and be answered 503
    arguments = case.as_transport_kwargs(headers=api.build_headers(who))
    arguments["url"] = arguments["url"].removeprefix("http://127.0.0.1")
    arguments["headers"] = {name: value.encode("latin-1") for name, value in arguments["headers"].items()}
    request_arguments = {
        "content" if name == "data" else name: value for name, value in arguments.items() if name != "cookies"
    }
    response = api.client.request(**request_arguments)
    # it takes each server-sent event for a value of the schema, which is that of the whole text
    is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
    case.validate_response(response, checks=CHECKS[:-1] if is_stream else CHECKS)
    refuse_undocumented_headers(case, response)


def refuse_undocumented_headers(case: Any, response: Any) -> None:
    """Assert that the document has the headers of the contract that a response has."""
    documented = case.operation.definition.raw["responses"].get(str(response.status_code), {}).get("headers", {})
    ours = {name.lower() for name in DOCUMENT["components"]["headers"]}
    assert response.headers.keys() & ours <= {name.lower() for name in documented}


def build_generated_test(id: str, test: Any) -> Any:
    """Build a test over generated requests of one operation: random ones, and each value at an edge.

    `schema.parametrize()` builds the tests of all operations in each worker, and gives them all the same id.
    """
    path, method, _ = OPERATIONS[id]
    config = HypothesisTestConfig(project=DOCUMENT_SCHEMA.config, modes=list(HypothesisTestMode))
    return create_test(operation=DOCUMENT_SCHEMA[path][method], test_func=test, config=config)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("id", OPERATIONS)
class TestGenerated:
    """Requests generated from the document: no 5xx, no undocumented status, answers as documented."""

    def test_as_an_admin(self, id: str, shared_api: ApiDriver, real_ids: dict[str, list[str]]) -> None:
        @BOUNDED
        def check_case(case: Any) -> None:
            assert_conforms(shared_api, real_ids, case, "admin")

        build_generated_test(id, check_case)()

    def test_as_a_guest(self, id: str, shared_api: ApiDriver, real_ids: dict[str, list[str]]) -> None:
        @settings(BOUNDED, max_examples=3)
        def check_case(case: Any) -> None:
            assert_conforms(shared_api, real_ids, case, None)

        build_generated_test(id, check_case)()
