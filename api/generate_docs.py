"""Generates docs/events.md and docs/openapi.json: `python -m api.generate_docs`."""

import inspect
import json
from pathlib import Path
from typing import Any

from api.app import build_app
from api.settings import Settings
from domain import erasure, link, managed_link, meeting_type, person, token
from domain.event import Event
from domain.notifications import calendar_delivery, mail_delivery

EVENTS = Path("docs/events.md")
OPENAPI = Path("docs/openapi.json")
STREAMS = {
    "Person": person,
    "Meeting type": meeting_type,
    "Managed link": managed_link,
    "Link": link,
    "Token": token,
    "Token: what was told of it": mail_delivery,
    "Token: hosts' own calendars": calendar_delivery,
    "Erasure": erasure,
}
INTRODUCTION = """# Events

This page is generated from the code by `python -m api.generate_docs`; a test checks that it is current.

The log is a table of rows `position, recorded_at, stream_id, version, type, data`. `type` is the stored name below; it
is written on the class and never changes. A changed meaning is a new name, `….v2`, with a function that turns the old
payload into the new one.

Every event also has `occurred_at` (when it was decided, UTC), `actor` (`kind` is person, guest or system, with an `id`
for a person), `request_id` (the `X-Request-Id` of the answer) and `source` (web, api, extension or cli). No event holds
a name, an e-mail address or free text that a guest or recipient gave: `details_id` names the row of `personal_details`
that does, and `details_digest` is the SHA-256 of that row's salt followed by its canonical JSON.
"""
COMMON_FIELDS = set(Event.model_fields)


def render_page() -> str:
    """Render the whole page as Markdown."""
    sections = [INTRODUCTION]
    for title, module in STREAMS.items():
        sections.append(f"## {title}\n")
        sections += [render_event(event) for event in Event.catalogue.values() if event.__module__ == module.__name__]
    return "\n".join(sections)


def render_event(event: type[Event]) -> str:
    """Render one event: stored name, docstring and payload."""
    fields = event.model_json_schema(mode="serialization")["properties"]
    rows = [f"| `{name}` | {describe_schema(schema)} |" for name, schema in fields.items() if name not in COMMON_FIELDS]
    table = ["", "| field | type |", "| --- | --- |", *rows] if rows else []
    return "\n".join([f"### `{event.stored_name}`\n", inspect.cleandoc(event.__doc__ or ""), *table, ""])


def describe_schema(schema: dict[str, Any]) -> str:
    """Describe a JSON Schema in words."""
    if "anyOf" in schema:
        return " or ".join(map(describe_schema, schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return "pair of " + " and ".join(map(describe_schema, schema["prefixItems"]))
    if schema.get("type") == "array":
        return f"list of {describe_schema(schema['items'])}"
    if schema.get("type") == "object":
        return f"object of {describe_schema(schema['additionalProperties'])}"
    return str(FORMATS.get(schema.get("format", ""), schema["type"]))


FORMATS = {"uuid": "id", "date-time": "instant"}


def render_openapi() -> str:
    """Render the OpenAPI document as JSON; needs no database."""
    return json.dumps(build_app(Settings.model_construct()).openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write both documents."""
    EVENTS.write_text(render_page(), encoding="utf-8")
    OPENAPI.write_text(render_openapi(), encoding="utf-8")


if __name__ == "__main__":
    main()
