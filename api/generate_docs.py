"""Generates docs/events.md, docs/errors.md and docs/openapi.json: `python -m api.generate_docs`."""

import inspect
import json
from itertools import groupby
from pathlib import Path
from typing import Any

from api.app import build_app
from api.http.error_codes import ERROR_CODES, PHRASES
from api.settings import Settings
from domain import erasure, link, link_request, managed_link, meeting_type, organisation, person, team, token_events
from domain.event import Event
from domain.notifications import calendar_delivery, mail_delivery

EVENTS = Path("docs/events.md")
ERRORS = Path("docs/errors.md")
OPENAPI = Path("docs/openapi.json")
STREAMS = {
    "Person": person,
    "Meeting type": meeting_type,
    "Team": team,
    "Managed link": managed_link,
    "Link": link,
    "Token": token_events,
    "Token: what was told of it": mail_delivery,
    "Token: hosts' own calendars": calendar_delivery,
    "Request for a new link": link_request,
    "Erasure": erasure,
    "Organisation": organisation,
}
INTRODUCTION = """# Events

This page is generated from the code by `python -m api.generate_docs`; a test checks that it is current.

The log is a table of rows `position, recorded_at, stream_id, version, type, data`. `type` is the stored name below; it
is written on the class and never changes. A changed meaning is a new name, `….v2`. Where a new version only adds
fields, an event is stored under the lowest version that can say it: an older program reads it while the added fields
have their defaults.

Every event also has `occurred_at` (when it was decided, UTC), `actor` (`kind` is person, guest or system, with an `id`
for a person), `request_id` (the `X-Request-Id` of the answer) and `source` (web, api, extension or cli). No event holds
a name, an e-mail address or free text that a guest or recipient gave: `details_id` names the row of `personal_details`
that does, and `details_digest` is the SHA-256 of that row's salt followed by its canonical JSON.
"""
ERRORS_INTRODUCTION = """# Errors

This page is generated from the code by `python -m api.generate_docs`; a test checks that it is current.

Every error of the API is a JSON object of the media type `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):

```json
{
  "type": "urn:oncelink:problem:slug_taken",
  "title": "Slug taken",
  "status": 409,
  "detail": "Another link already has this slug.",
  "code": "slug_taken"
}
```

- Decide by `code`; it is stable. `title` and `detail` are sentences for people and may change.
- A 422 also has `errors`, a list of `{field, message}`. `field` is the path of a field (`guest.email`,
  `recipients.0.name`), or the name of a parameter or header. The value that was sent is never repeated.
- 429 and 503 have `Retry-After`, in seconds. 405 has `Allow`.
- Every answer has `X-Request-Id`, which the log names too.
- The [OpenAPI document](openapi.json) says for each operation which codes each status can have. New operations and new
  features may add codes: treat a code that you do not know like its status.

A refusal changes nothing, and leaves an Idempotency-Key free. Operations do not list `internal_error`, `bad_request`,
`method_not_allowed`, `overloaded`, `head_too_large`, `request_timeout` and the `not_found` of a path that does not
exist, because these can be the answer to anything.
"""
COMMON_FIELDS = set(Event.model_fields)


def render_page() -> str:
    """Render the whole page as Markdown."""
    sections = [INTRODUCTION]
    for title, module in STREAMS.items():
        sections.append(f"## {title}\n")
        sections += [
            render_event(name, event) for name, event in Event.catalogue.items() if event.__module__ == module.__name__
        ]
    return "\n".join(sections)


def render_event(stored_name: str, event: type[Event]) -> str:
    """Render one version of an event: stored name, docstring and payload; of a later one only what it adds."""
    document = event.model_json_schema(mode="serialization")
    added = event.versions[stored_name]
    absent = COMMON_FIELDS | event.list_later_fields(stored_name)
    fields = {field: schema for field, schema in document["properties"].items() if field not in absent}
    if added:
        first = f"`{event.stored_name}` with more fields, stored where one of them does not have its default."
        fields = {field: fields[field] for field in added}
    rows = [f"| `{name}` | {describe_schema(schema, document)} |" for name, schema in fields.items()]
    table = ["", "| field | type |", "| --- | --- |", *rows] if rows else []
    return "\n".join([f"### `{stored_name}`\n", first if added else inspect.cleandoc(event.__doc__ or ""), *table, ""])


def describe_schema(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """Describe a JSON Schema in words; `document` has what it refers to."""
    if "$ref" in schema:
        return describe_schema(document["$defs"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema:
        return " or ".join(describe_schema(option, document) for option in schema["anyOf"])
    if "properties" in schema:
        fields = [f"`{name}` {describe_schema(field, document)}" for name, field in schema["properties"].items()]
        return f"object ({', '.join(fields)})"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return "pair of " + " and ".join(describe_schema(item, document) for item in schema["prefixItems"])
    if schema.get("type") == "array":
        return f"list of {describe_schema(schema['items'], document)}"
    if schema.get("type") == "object":
        return f"object of {describe_schema(schema['additionalProperties'], document)}"
    return str(FORMATS.get(schema.get("format", ""), schema["type"]))


FORMATS = {"uuid": "id", "date-time": "instant"}


def render_errors() -> str:
    """Render the page of error codes, by status."""
    sections = [ERRORS_INTRODUCTION]
    codes = sorted(ERROR_CODES.items(), key=lambda item: (item[1].status, item[0]))
    for status, group in groupby(codes, key=lambda item: item[1].status):
        rows = [f"| `{code}` | {error.meaning} | {error.action} |" for code, error in group]
        heading = f"## {status} {PHRASES[status]}\n"
        sections.append("\n".join([heading, "| code | what happened | what to do |", "| --- | --- | --- |", *rows, ""]))
    return "\n".join(sections)


def render_openapi() -> str:
    """Render the OpenAPI document as JSON; needs no database."""
    return json.dumps(build_app(Settings.model_construct()).openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the documents."""
    EVENTS.write_text(render_page(), encoding="utf-8")
    ERRORS.write_text(render_errors(), encoding="utf-8")
    OPENAPI.write_text(render_openapi(), encoding="utf-8")


if __name__ == "__main__":
    main()
