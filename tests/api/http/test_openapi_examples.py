"""Examples of the OpenAPI document: every operation has them, and each is valid by its own schema."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.http.openapi.examples import Undocumented, build_command, build_example, find_parameter_example
from tests.api.attacks import DOCUMENT, OPERATIONS

SCHEMAS = DOCUMENT["components"]["schemas"]


def iterate_examples() -> Iterator[tuple[str, Any, Any]]:
    """Iterate over every example: where it is, its schema, and its value."""
    for path, method, operation in OPERATIONS:
        place = f"{method} {path}"
        for parameter in operation.get("parameters", []):
            yield f"{place} {parameter['name']}", parameter["schema"], parameter["example"]
        responses = operation["responses"]
        contents = [(status, responses[status].get("content", {})) for status in responses if status < "300"]
        for part, content in [("body", operation.get("requestBody", {}).get("content", {})), *contents]:
            for media_type, media in content.items():
                yield f"{place} {part} {media_type}", media.get("schema", {}), media["example"]
    for name, schema in SCHEMAS.items():
        for example in schema.get("examples", []):
            yield name, {"$ref": f"#/components/schemas/{name}"}, example


EXAMPLES = list(iterate_examples())


def test_each_is_valid_by_its_schema() -> None:
    assert len(EXAMPLES) > 300
    for place, schema, example in EXAMPLES:
        validator = jsonschema_rs.Draft202012Validator(
            {**schema, "components": DOCUMENT["components"]}, validate_formats=True
        )
        errors = [error.message for error in validator.iter_errors(example)]
        assert not errors, (place, example, errors)


def test_a_wrong_one_is_refused() -> None:
    schema = {"$ref": "#/components/schemas/Link", "components": DOCUMENT["components"]}
    example = build_example({"$ref": "#/components/schemas/Link"}, SCHEMAS, "")
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(example)
    for change in ({"id": "1"}, {"created_at": "yesterday"}, {"status": "open"}, {"single_use": None}):
        assert not validator.is_valid({**example, **change})


def test_problems_have_the_sentence_that_people_read() -> None:
    [example] = SCHEMAS["SlugTakenProblem"]["examples"]
    assert example == {
        "type": "urn:oncelink:problem:slug_taken",
        "title": "Slug taken",
        "status": 409,
        "detail": "Another link already has this slug.",
        "code": "slug_taken",
    }


@pytest.mark.parametrize("place", ["Link.nothing_like_it", "nothing_like_it"])
def test_a_field_without_a_value_is_named(place: str) -> None:
    with pytest.raises(Undocumented, match=place):
        build_example({"type": "string"}, SCHEMAS, place)
    with pytest.raises(Undocumented, match="zqx of get_link"):
        find_parameter_example("get_link", {"name": "zqx", "schema": {"type": "string"}})


def test_commands_are_read_by_a_shell_as_they_are_meant() -> None:
    for path, method, operation in OPERATIONS:
        command = build_command(path, method, operation)
        assert command == operation["x-codeSamples"][0]["source"]
        assert "{" not in command.partition(" -d ")[0]
    script = "curl() { printf '%s\\n' \"$@\"; }; ONCELINK_URL=https://a.example; ONCELINK_API_KEY=olk_x; "
    path, method, operation = next(row for row in OPERATIONS if row[2]["operationId"] == "book_meeting")
    output = subprocess.run(
        ["sh", "-c", script + build_command(path, method, operation)], capture_output=True, text=True
    )
    arguments = output.stdout.splitlines()
    assert arguments[-1].startswith("https://a.example/v1/book/")
    assert "Authorization" not in output.stdout
    assert (
        json.loads(arguments[arguments.index("-d") + 1])
        == operation["requestBody"]["content"]["application/json"]["example"]
    )
