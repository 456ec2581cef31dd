"""The OpenAPI document: what the routes declare, completed by the contract's rules."""

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

TAGS = {
    "People": "Who signs in, hosts and copies links; their hours and time zones.",
    "Meeting types": "Templates of meetings: duration, location, buffers, notice, window.",
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
    "Calendars": "Calendars elsewhere, read to know when one is busy.",
    "Operations": "For operators: is it up, is it ready, how is it doing.",
}
HEADERS = {
    "ETag": ("The version of the thing, for `If-Match`.", True),
    "Oncelink-Position": ("Where in the log this write is; absent when nothing had to be written.", False),
    "Idempotent-Replayed": ("`true` when this is the answer of an earlier request with the same key.", False),
    "Retry-After": ("Seconds after which to try again.", True),
    "WWW-Authenticate": ("How to sign in.", True),
}
WRITING = ("post", "patch", "delete")
NOT_EVENTS = {"API keys", "Calendars", "Read models"}


def install(app: FastAPI, problem: type[BaseModel]) -> None:
    """Serves the finished document as `/openapi.json`."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = documented(app, problem)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def documented(app: FastAPI, problem: type[BaseModel]) -> dict[str, Any]:
    """The document of an app whose refusals have this shape."""
    tags = [{"name": name, "description": about} for name, about in TAGS.items()]
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=tags)
    components = found["components"]
    components["headers"] = {name: header(*about) for name, about in HEADERS.items()}
    schemas = components["schemas"]
    schemas |= problem_schemas(problem)
    for path, method, operation in operations(found):
        finish(path, method, operation, schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = {name: without_tuples(schemas[name]) for name in sorted(schemas)}
    return found


def header(description: str, always: bool) -> dict[str, Any]:
    """A response header, as a component."""
    return {"description": description, "required": always, "schema": {"type": "string"}}


def problem_schemas(problem: type[BaseModel]) -> dict[str, Any]:
    """The schema of every refusal, and of what it is made of."""
    schema = problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), problem.__name__: schema}


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def finish(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """One operation: a short id, a sentence as its summary, and each answer with its headers."""
    suffix = re.sub(r"\W", "_", path) + f"_{method}"
    operation["operationId"] = operation["operationId"].removesuffix(suffix)
    summary, _, rest = operation.pop("description").partition("\n\n")
    operation["summary"] = summary.replace("\n", " ").strip().removesuffix(".")
    if rest:
        operation["description"] = rest
    for parameter in operation.get("parameters", []):
        parameter["schema"] = without_null(parameter["schema"])
    answers = operation["responses"]
    if "HTTPValidationError" in json.dumps(answers.get("422", {})):
        del answers["422"]
    operation["responses"] = {status: answers[status] for status in sorted(answers)}
    for status, answer in operation["responses"].items():
        names = list(headers_of(method, operation, status, answer, schemas))
        if names:
            answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter may be left out; there is no way to send null in one."""
    choices = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **(choices[0] if choices else {})}


def without_tuples(schema: Any) -> Any:
    """A pair of texts is a list of two texts: most generators of clients know no `prefixItems`."""
    if isinstance(schema, list):
        return [without_tuples(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: without_tuples(value) for name, value in schema.items()}
    return {
        "items" if name == "prefixItems" else name: v[0] if name == "prefixItems" else v for name, v in plain.items()
    }


def headers_of(
    method: str, operation: dict[str, Any], status: str, answer: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[str]:
    """The contract's headers that an answer has."""
    if status in ("429", "503") and "application/problem+json" in answer.get("content", {}):
        yield "Retry-After"
    if status == "401":
        yield "WWW-Authenticate"
    if not status.startswith("2"):
        return
    of_events = NOT_EVENTS.isdisjoint(operation["tags"])
    if method in WRITING and of_events:
        yield "Oncelink-Position"
    if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", [])):
        yield "Idempotent-Replayed"
    reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    if of_events and "version" in schemas.get(reference.rpartition("/")[2], {}).get("properties", {}):
        yield "ETag"
