"""Compares what tests receive with the OpenAPI document: codes of errors, and header fields."""

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


def assert_headers_are_documented(response: httpx2.Response) -> None:
    """Assert that the operation documents, for this status, each header field that the document describes."""
    operation = find_operation(response.request.method.lower().replace("head", "get"), response.request.url.path)
    documented = (operation or {}).get("responses", {}).get(str(response.status_code))
    if documented is None:
        return
    names = {name for name in load_document()["components"]["headers"] if name in response.headers}
    undocumented = names - documented.get("headers", {}).keys()
    assert not undocumented, f"{response.request.url.path} answers {response.status_code} with {undocumented}"


def find_documented_codes(method: str, path: str, status: int) -> set[str]:
    """Find the codes that are documented for a status of the operation at a path."""
    operation = find_operation(method, path)
    return CODES_ANYWHERE | list_codes(operation, status) if operation else CODES_OF_UNKNOWN_PATHS


def find_operation(method: str, path: str) -> Any:
    """Find the operation of a method at a path; None when there is none."""
    for pattern, operations in compile_paths():
        if pattern.match(path) and method in operations:
            return operations[method]
    return None


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
