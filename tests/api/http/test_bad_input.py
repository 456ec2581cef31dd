"""Hostile input: refused as the contract says, with the log unmoved, and the next booking works."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx2
import pytest

from tests.api.attacks import DOCUMENT, SECRET, VALID, Field, fields
from tests.api.refusals import head, refused
from tests.api_driver import GUEST, House

FIELDS = list(fields())
ROOTS = [field for field in FIELDS if not field.place]
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
def still_books(shared_house: House, paths: dict[str, str]) -> Iterator[None]:
    """After the test, with the log where it was, a guest books as ever and the meeting log has it."""
    before = head(shared_house)
    yield
    assert head(shared_house) == before
    made = shared_house.book("target", shared_house.slots("target")[0])
    assert shared_house.log("limit=1")[0]["booking_id"] == made["booking"]["id"]


@pytest.fixture
def send(shared_house: House, paths: dict[str, str]) -> Any:
    """Sends bytes as the body of an operation, signed in where the route wants it."""

    def sent(field: Field, content: Any, **headers: str) -> httpx2.Response:
        guest = "security" not in DOCUMENT["paths"][field.path][field.method.lower()]
        signed = shared_house.headers(None if guest else "admin")
        given = {"Content-Type": "application/json", **signed, **headers}
        return shared_house.client.request(field.method, paths[field.path], content=content, headers=given)

    return sent


def test_every_body_is_attacked() -> None:
    """The enumeration found what there is."""
    assert len(ROOTS) == sum("requestBody" in one for methods in DOCUMENT["paths"].values() for one in methods.values())
    places = {".".join(map(str, field.place)) for field in FIELDS}
    assert {"guest.email", "notes", "recipients.0.name", "metadata.key", "weekly_hours.mon.0.0", "reason"} <= places
    assert len(FIELDS) > 80


@pytest.mark.usefixtures("still_books")
@pytest.mark.parametrize("root", ROOTS, ids=str)
def test_every_place(send: Any, root: Field) -> None:
    """Wrong texts, types, numbers, depths and names, in every place of every body."""
    for field in FIELDS:
        for raw in field.attacks() if root.operation == field.operation else ():
            answer = send(field, field.holding(raw).encode())
            try:
                refused(answer, 422, "invalid")
            except AssertionError as error:
                raise AssertionError(f"{field} with {raw[:80]}: {error}") from None
            told = "" if SECRET in json.dumps(list(keys_of(raw))) else answer.text
            assert SECRET not in told, f"{field} with {raw[:80]} echoes: {told}"


@pytest.mark.usefixtures("still_books")
class TestWholeBody:
    """What is not a body at all, for every operation that takes one."""

    def test_not_json(self, send: Any) -> None:
        for field, content in product(ROOTS, NOT_JSON):
            refused(send(field, content), 422, "invalid")

    def test_repeated_names(self, send: Any) -> None:
        for field in ROOTS:
            whole = json.dumps(VALID.get(field.body, {"reason": "x"}))
            name = next(iter(json.loads(whole)))
            body = f'{whole[:-1]}, "{name}": "{SECRET}"}}'
            problem = refused(send(field, body.encode()), 422, "invalid")
            assert problem["errors"][0]["field"] == name
            assert SECRET not in json.dumps(problem)

    def test_unknown_field_is_named(self, send: Any) -> None:
        for field in ROOTS:
            body = {**VALID.get(field.body, {}), "unheard_of": SECRET}
            errors = refused(send(field, json.dumps(body).encode()), 422, "invalid")["errors"]
            assert "unheard_of" in [error["field"] for error in errors]

    def test_long_names_are_cut(self, send: Any) -> None:
        for field in ROOTS:
            body = {**VALID.get(field.body, {}), "n" * 60_000: 1}
            assert len(json.dumps(refused(send(field, json.dumps(body).encode()), 422))) < 2_000

    def test_empty(self, send: Any) -> None:
        for field in ROOTS:
            if not field.optional_body:
                refused(send(field, b""), 422, "invalid")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a"]
    )
    def test_other_content_types(self, send: Any, kind: str) -> None:
        for field in ROOTS:
            refused(send(field, b'{"reason": "x"}', **{"Content-Type": kind}), 422, "invalid")

    def test_too_large(self, send: Any) -> None:
        large = json.dumps({"name": "x" * 64 * 1024}).encode()
        for field in ROOTS:
            refused(send(field, large), 413, "body_too_large")
            refused(send(field, iter([large[:1000], large[1000:]])), 413, "body_too_large")
            refused(send(field, b"[" * 100_000), 413, "body_too_large")
            refused(send(field, b"{}", **{"Content-Length": "9" * 30}), 413, "body_too_large")

    def test_just_small_enough(self, send: Any) -> None:
        exactly = b'"' + b"x" * (64 * 1024 - 2) + b'"'
        for field in ROOTS:
            refused(send(field, exactly), 422, "invalid")
            refused(send(field, exactly + b" "), 413, "body_too_large")


class TestWhatIsAllowed:
    """Text that looks odd and is fine."""

    def test_newlines_tabs_and_every_script_in_free_text(self, shared_house: House, paths: dict[str, str]) -> None:
        house = shared_house
        notes = "Zwei\nZeilen\tund 漢字 👩‍👩‍👧 \u202ertl\u202c é \\u0000 &amp; '; DROP TABLE x; --"
        guest = {**GUEST, "name": "  Zoë 🎉 O'Brien  "}
        body = {"start": house.slots("target")[-1], "guest": guest, "notes": notes}
        made = house.post("/v1/book/target", body, None, 201)
        row = house.get(f"/v1/bookings/{made['booking']['id']}", "member")
        assert row["notes"] == notes
        assert row["guest"]["name"] == "Zoë 🎉 O'Brien"


def keys_of(raw: str) -> Iterator[str]:
    """The names in a JSON text, which an answer may repeat to say where the fault is."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return
    for inner in value if isinstance(value, list) else [value]:
        if isinstance(inner, dict):
            yield from inner


@pytest.mark.usefixtures("still_books")
def test_routes_without_fields_take_none(send: Any) -> None:
    """What stands in the body of a POST that has none is as unknown as any field."""
    routes = [
        path
        for path, methods in DOCUMENT["paths"].items()
        if "post" in methods and "requestBody" not in methods["post"]
    ]
    assert len(routes) >= 6
    for path in routes:
        for content in (b'{"nope": 1}', b'{"a": 1, "a": 1}', b"[]", b'"text"', b"1", *NOT_JSON):
            answer = send(Field("POST", path, "", (), {}, False, False), content)
            assert SECRET not in answer.text
            refused(answer, 422, "invalid")
