"""Hostile input: refused as the contract says, with the log unmoved, and the next booking works."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx2
import pytest

from tests.api.attacks import DOCUMENT, SECRET, VALID, BodyField, iterate_fields
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver

FIELDS = list(iterate_fields())
ROOTS = [field for field in FIELDS if not field.path_in_body]
NOT_JSON = [
    b"not json",
    b"{",
    b"\xff\xfe",
    b'{"name": "\xff"}',
    b'{"name": "\xed\xa0\x80"}',
    b"\xef\xbb\xbf{",
    b"{}{}",
    b"\x00",
]


@pytest.fixture
def working_service(shared_api: ApiDriver, paths: dict[str, str]) -> Iterator[None]:
    """Asserts after the test that the log has not grown, and that guests can still book."""
    position_before = find_last_position(shared_api)
    yield
    assert find_last_position(shared_api) == position_before
    booking = shared_api.book_meeting("target", shared_api.list_slots("target")[0])
    assert shared_api.list_meetings("limit=1")[0]["booking_id"] == booking["booking"]["id"]


@pytest.fixture
def send_body(shared_api: ApiDriver, paths: dict[str, str]) -> Any:
    """Sends bytes as the body of an operation, signed in where the route wants it."""

    def send_content(field: BodyField, content: Any, **headers: str) -> httpx2.Response:
        guest = not DOCUMENT["paths"][field.path][field.method.lower()]["security"]
        authorization = shared_api.build_headers(None if guest else "admin")
        all_headers = {"Content-Type": "application/json", **authorization, **headers}
        return shared_api.client.request(field.method, paths[field.path], content=content, headers=all_headers)

    return send_content


def test_every_body_is_attacked() -> None:
    """The enumeration found what there is."""
    assert len(ROOTS) == sum(
        "requestBody" in operation for methods in DOCUMENT["paths"].values() for operation in methods.values()
    )
    places = {".".join(map(str, field.path_in_body)) for field in FIELDS}
    assert {"guest.email", "notes", "recipients.0.name", "metadata.key", "weekly_hours.mon.0.0", "reason"} <= places
    assert len(FIELDS) > 80


@pytest.mark.usefixtures("working_service")
@pytest.mark.parametrize("root", ROOTS, ids=str)
def test_every_place(send_body: Any, root: BodyField) -> None:
    """Wrong texts, types, numbers, depths and names, in every place of every body."""
    for field in FIELDS:
        for json_text in field.generate_attacks() if root.operation_key == field.operation_key else ():
            response = send_body(field, field.build_body(json_text).encode())
            try:
                assert_problem(response, 422, "invalid")
            except AssertionError as error:
                raise AssertionError(f"{field} with {json_text[:80]}: {error}") from None
            text = "" if SECRET in json.dumps(list(iterate_keys(json_text))) else response.text
            assert SECRET not in text, f"{field} with {json_text[:80]} echoes: {text}"


@pytest.mark.usefixtures("working_service")
class TestWholeBody:
    """What is not a body at all, for every operation that takes one."""

    def test_not_json(self, send_body: Any) -> None:
        for field, content in product(ROOTS, NOT_JSON):
            assert_problem(send_body(field, content), 422, "invalid")

    def test_repeated_names(self, send_body: Any) -> None:
        for field in ROOTS:
            valid_text = json.dumps(VALID.get(field.body, {"reason": "x"}))
            name = next(iter(json.loads(valid_text)))
            body = f'{valid_text[:-1]}, "{name}": "{SECRET}"}}'
            problem = assert_problem(send_body(field, body.encode()), 422, "invalid")
            assert problem["errors"][0]["field"] == name
            assert SECRET not in json.dumps(problem)

    def test_unknown_field_is_named(self, send_body: Any) -> None:
        for field in ROOTS:
            body = {**VALID.get(field.body, {}), "unheard_of": SECRET}
            errors = assert_problem(send_body(field, json.dumps(body).encode()), 422, "invalid")["errors"]
            assert "unheard_of" in [error["field"] for error in errors]

    def test_long_names_are_cut(self, send_body: Any) -> None:
        for field in ROOTS:
            body = {**VALID.get(field.body, {}), "n" * 60_000: 1}
            assert len(json.dumps(assert_problem(send_body(field, json.dumps(body).encode()), 422))) < 2_000

    def test_empty(self, send_body: Any) -> None:
        for field in ROOTS:
            if not field.optional_body:
                assert_problem(send_body(field, b""), 422, "invalid")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a"]
    )
    def test_other_content_types(self, send_body: Any, kind: str) -> None:
        for field in ROOTS:
            assert_problem(send_body(field, b'{"reason": "x"}', **{"Content-Type": kind}), 422, "invalid")

    def test_too_large(self, send_body: Any) -> None:
        large = json.dumps({"name": "x" * 64 * 1024}).encode()
        for field in ROOTS:
            assert_problem(send_body(field, large), 413, "body_too_large")
            assert_problem(send_body(field, iter([large[:1000], large[1000:]])), 413, "body_too_large")
            assert_problem(send_body(field, b"[" * 100_000), 413, "body_too_large")
            assert_problem(send_body(field, b"{}", **{"Content-Length": "9" * 30}), 413, "body_too_large")

    def test_just_small_enough(self, send_body: Any) -> None:
        exactly = b'"' + b"x" * (64 * 1024 - 2) + b'"'
        for field in ROOTS:
            assert_problem(send_body(field, exactly), 422, "invalid")
            assert_problem(send_body(field, exactly + b" "), 413, "body_too_large")


class TestWhatIsAllowed:
    """Text that looks odd and is fine."""

    def test_newlines_tabs_and_every_script_in_free_text(self, shared_api: ApiDriver, paths: dict[str, str]) -> None:
        api = shared_api
        notes = "Zwei\nZeilen\tund 漢字 👩‍👩‍👧 \u202ertl\u202c é \\u0000 &amp; '; DROP TABLE x; --"
        guest = {**GUEST, "name": "  Zoë 🎉 O'Brien  "}
        body = {"start": api.list_slots("target")[-1], "guest": guest, "notes": notes}
        booking = api.post("/v1/book/target", body, None, 201)
        row = api.get(f"/v1/bookings/{booking['booking']['id']}", "member")
        assert row["notes"] == notes
        assert row["guest"]["name"] == "Zoë 🎉 O'Brien"


def iterate_keys(json_text: str) -> Iterator[str]:
    """The names in a JSON text, which an answer may repeat to say where the fault is."""
    try:
        value = json.loads(json_text)
    except (ValueError, RecursionError):
        return
    for inner in value if isinstance(value, list) else [value]:
        if isinstance(inner, dict):
            yield from inner


@pytest.mark.usefixtures("working_service")
def test_routes_without_fields_take_none(send_body: Any) -> None:
    """What stands in the body of a POST that has none is as unknown as any field."""
    routes = [
        path
        for path, methods in DOCUMENT["paths"].items()
        if "post" in methods and "requestBody" not in methods["post"]
    ]
    assert len(routes) >= 6
    for path in routes:
        for content in (b'{"nope": 1}', b'{"a": 1, "a": 1}', b"[]", b'"text"', b"1", *NOT_JSON):
            response = send_body(BodyField("POST", path, "", (), {}, False, False), content)
            assert SECRET not in response.text
            assert_problem(response, 422, "invalid")
