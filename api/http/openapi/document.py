"""The OpenAPI document: generated from the routes and completed; `python -m api.generate_docs` writes it."""

import json
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.dependencies import build_etag_header, build_position_header
from api.http.openapi.deprecation import find_deprecation
from api.http.openapi.examples import add_examples
from api.http.openapi.problems import build_problem_schemas, finish_problem_responses
from api.http.openapi.route_code import list_called_functions, list_endpoints
from api.http.openapi.webhook_section import BODY, build_webhooks

TAGS = {
    "People": "Who signs in, hosts and copies links; their hours and time zones.",
    "Organisation": "Its name, contact and policies: one for each installation.",
    "Meeting types": "Templates of meetings: duration, location, buffers, notice, window.",
    "Teams": "People who can stand in for each other: a link with a team books one free member of it.",
    "Links": "Core links: reusable, a person's own.",
    "Managed links": "Made by a manager for several hosts; each of them has a core link of it.",
    "Single-use links": "Each books one meeting, ever, and follows its core link until then.",
    "Guests": "Looking, booking, rescheduling and cancelling without signing in: the code is the permission.",
    "Bookings": "Booked meetings, for the people of the organisation.",
    "Meeting log": "Everything that was booked, as pages or as CSV.",
    "History": "Every event of the log, told; for auditors and admins.",
    "As-of": "How things stood at a moment of the log; for auditors and admins.",
    "Personal details": "Erasing what a guest or recipient gave.",
    "Read models": "The tables behind the lists: how far they follow the log, and building them again from it.",
    "Proofs": "For auditors: signed heads of the log, proofs against them, and checks of everything.",
    "API keys": "One's own keys for this API.",
    "Webhooks": "Where events are sent, signed, in order, and again from any position.",
    "Calendars": "Calendars elsewhere, read to know when one is busy.",
    "Operations": "For operators: is it up, is it ready, how is it doing.",
}
POSITION: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
HEADERS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "ETag": ("The version of the thing, for `If-Match`.", True, {"type": "string", "pattern": '^"[0-9]+"$'}),
    "Oncelink-Position": ("Where in the log this write is; absent when nothing had to be written.", False, POSITION),
    "Oncelink-As-Of-Position": ("The position of the log that was read.", True, POSITION),
    "Idempotent-Replayed": (
        "`true` when this is the answer of an earlier request with the same key.",
        False,
        {"type": "boolean", "enum": [True]},
    ),
    "Retry-After": ("Seconds after which to try again.", True, {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to sign in.", True, {"type": "string", "const": "Bearer"}),
    "Deprecation": ("Since when this is deprecated: `@` and seconds since 1970.", True, {"type": "string"}),
    "Sunset": ("When this ends.", True, {"type": "string"}),
    "Link": ("The page that says what to use instead.", True, {"type": "string"}),
    "RateLimit-Policy": (
        'The quotas of this operation, with windows in seconds: `"requests";q=300;w=60, "bookings";q=20;w=86400`.',
        False,
        {"type": "string"},
    ),
    "RateLimit": (
        'What is left of a quota, and the seconds until there is more: `"requests";r=287;t=42`.',
        False,
        {"type": "string"},
    ),
}
REQUEST_HEADERS = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "If-Match": {"type": "string"},
    "Oncelink-Min-Position": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
}
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
SERVERS = [{"url": "/", "description": "The service that this document comes from."}]
CONTACT = {"name": "Whoever runs this service"}


def install_openapi(app: FastAPI) -> None:
    """Serve the completed document as `/openapi.json`."""

    def get_document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = build_document(app)
        return app.openapi_schema

    app.openapi = get_document  # type: ignore[method-assign]


def build_document(app: FastAPI) -> dict[str, Any]:
    """Build the document of an app."""
    tags = [{"name": name, "description": description} for name, description in TAGS.items()]
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=tags,
        servers=SERVERS,
        license_info=LICENSE,
        contact=CONTACT,
    )
    components = document["components"]
    schemas = components["schemas"]
    schemas |= build_problem_schemas() | {"WebhookBody": BODY}
    document["webhooks"] = build_webhooks()
    endpoints = list_endpoints(app)
    for path, method, operation in iterate_operations(document):
        finish_operation(path, method, operation, schemas, endpoints[path, method])
        add_examples(path, method, operation, schemas)
    paths = json.dumps(document["paths"])
    components["headers"] = {
        name: build_header(*HEADERS[name]) for name in HEADERS if f'"#/components/headers/{name}"' in paths
    }
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = {name: replace_tuples(schemas[name]) for name in sorted(schemas)}
    return document


def build_header(description: str, always: bool, schema: dict[str, Any]) -> dict[str, Any]:
    """Build a response header component."""
    return {"description": description, "required": always, "schema": schema}


def iterate_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Iterate over `(path, method, operation)`."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def finish_operation(
    path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any], endpoint: FunctionType
) -> None:
    """Complete an operation: short id, summary, and the headers of each response."""
    suffix = re.sub(r"\W", "_", path) + f"_{method}"
    operation["operationId"] = operation["operationId"].removesuffix(suffix)
    summary, _, rest = operation.pop("description").partition("\n\n")
    operation["summary"] = summary.replace("\n", " ").strip().removesuffix(".")
    if rest:
        operation["description"] = rest
    for parameter in operation.get("parameters", []):
        schema = drop_null(parameter["schema"])
        parameter["schema"] = REQUEST_HEADERS.get(parameter["name"], schema)
    operation.setdefault("security", [])  # none is needed
    if find_deprecation(endpoint):
        operation["deprecated"] = True
    responses = operation["responses"]
    finish_problem_responses(path, operation, schemas)
    operation["responses"] = {status: responses[status] for status in sorted(responses)}
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if "itemSchema" in content:  # of OpenAPI 3.2; server-sent events are text in 3.1
                del content["itemSchema"]
                content["schema"] = {"type": "string"}
        names = list(list_headers(endpoint, operation, status, response))
        if names:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def drop_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop null from a parameter's schema: a parameter is absent, never null."""
    choices = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **(choices[0] if choices else {})}


def replace_tuples(schema: Any) -> Any:
    """Replace `prefixItems` by `items`: most client generators do not know it."""
    if isinstance(schema, list):
        return [replace_tuples(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: replace_tuples(value) for name, value in schema.items()}
    return {
        "items" if name == "prefixItems" else name: item[0] if name == "prefixItems" else item
        for name, item in plain.items()
    }


def list_headers(
    endpoint: FunctionType, operation: dict[str, Any], status: str, response: dict[str, Any]
) -> Iterator[str]:
    """List the contract's headers of a response."""
    if deprecation := find_deprecation(endpoint):
        yield from ("Deprecation", "Link", *(["Sunset"] if deprecation.ends_at else []))
    if "429" in operation["responses"]:
        yield from ("RateLimit-Policy", "RateLimit")
    if status in ("429", "503") and "application/problem+json" in response.get("content", {}):
        yield "Retry-After"
    if status == "401":
        yield "WWW-Authenticate"
    if not status.startswith("2"):
        return
    called_functions = list_called_functions(endpoint)
    if build_position_header.__name__ in called_functions:
        yield "Oncelink-Position"
    if operation["tags"] == ["As-of"]:
        yield "Oncelink-As-Of-Position"
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", [])):
        yield "Idempotent-Replayed"
    if build_etag_header.__name__ in called_functions:
        yield "ETag"
