"""Compares the code of every error that a test receives with the codes that the OpenAPI document has for it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from starlette.routing import compile_path

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"
CODES_ANYWHERE = {"internal_error", "bad_request", "method_not_allowed", "overloaded"}
CODES_OF_UNKNOWN_PATHS = CODES_ANYWHERE | {"not_found", "link_not_found"}


def assert_code_is_documented(response: httpx2.Response) -> None:
    """Assert that a problem of the API has a code that its operation documents for this status."""
    path = response.request.url.path
    if response.headers.get("content-type") != "application/problem+json" or not path.startswith("/v1/"):
        return
    method = response.request.method.lower()
    if method == "head":  # it has no body
        return
    code = json.loads(response.read())["code"]
    codes = find_documented_codes(method, path, response.status_code)
    assert code in codes, f"{method} {path} answers {response.status_code} {code}, which is not among {sorted(codes)}"


def find_documented_codes(method: str, path: str, status: int) -> set[str]:
    """Find the codes that are documented for a status of the operation at a path."""
    for pattern, operations in compile_paths():
        if pattern.match(path) and method in operations:
            return CODES_ANYWHERE | list_codes(operations[method], status)
    return CODES_OF_UNKNOWN_PATHS


def list_codes(operation: Any, status: int) -> set[str]:
    """List the codes in the enum of a response; none when the operation does not document its status."""
    content = operation["responses"].get(str(status), {}).get("content", {})
    reference = content.get("application/problem+json", {}).get("schema", {}).get("$ref")
    if reference is None:
        return set()
    schema = load_document()["components"]["schemas"][reference.rpartition("/")[2]]
    return set(schema["allOf"][1]["properties"]["code"]["enum"])


@cache
def load_document() -> Any:
    """Load the OpenAPI document."""
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


@cache
def compile_paths() -> list[tuple[Any, Any]]:
    """Compile the document's path templates to regular expressions, each with its operations."""
    return [(compile_path(path)[0], operations) for path, operations in load_document()["paths"].items()]
