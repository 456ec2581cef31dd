"""Every field of every body of the OpenAPI document, and what a hostile client puts there."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

DOCUMENT = json.loads(Path("docs/openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
MARKER = "@@here@@"
SECRET = "zqxsecret"
VALID: dict[str, Any] = {
    "NewPerson": {"name": "Nobody", "email": "nobody@nexora.example", "time_zone": "UTC"},
    "NewMeetingType": {"name": "None", "duration_minutes": 30},
    "NewLink": {"name": "None", "meeting_type_id": str(uuid4())},
    "NewTeam": {"name": "None", "members": [{"person_id": str(uuid4())}]},
    "NewManagedLink": {"name": "None", "slug": "none", "meeting_type_id": str(uuid4()), "host_ids": [str(uuid4())]},
    "NewBooking": {
        "start": "2030-01-01T09:00:00Z",
        "guest": {"name": "Nobody", "email": "nobody@guest.example", "time_zone": "UTC"},
    },
    "WhomToErase": {"email": "nobody@guest.example"},
    "Revocation": {"ids": [str(uuid4())]},
    "NewHost": {"host_id": str(uuid4())},
    "NewCalendar": {"url": "https://10.0.0.1/nothing.ics"},
    "NewWebhook": {"url": "https://10.0.0.1/hook", "types": ["booking.created"]},
    "Replay": {"from_position": 10**17},
    "NewStart": {"start": "2030-01-01T09:00:00Z"},
    "Move": {"start": "2030-01-01T09:00:00Z"},
    "CodeRequest": {"email": "nobody@guest.example"},
}
WRONG_KEYS = {"weekly_hours": "mon", "date_overrides": "2026-12-24"}
NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5_000, "[" * 30_000, "[" * 30_000 + "]" * 30_000]
TEXTS = [
    *(f'"{SECRET}\\u{code_point:04x}"' for code_point in (0x00, 0x07, 0x0D, 0x1B, 0x7F, 0x85, 0x9F, 0xD800, 0xDFFF)),
    f'"{SECRET}\x01"',
    f'"\\ud83d{SECRET}"',
    '"' + SECRET * 6_000 + '"',
]
WRONG_VALUES = {
    "string": ["7", "-1.5", "true", "[]", "{}", f'["{SECRET}"]'],
    "integer": [f'"{SECRET}"', '"30"', "7.5", "1e1", "true", "[]", "{}", "-1", "1" + "0" * 30, "9" * 4_000],
    "boolean": ['"true"', "1", "0", "[]", "{}", f'"{SECRET}"'],
    "array": ["{}", "7", "true", f'"{SECRET}"', f'[{{"{SECRET}": 1}}]', "[null]"],
    "several": [
        "{}",
        "[7]",
        "[null]",
        '[{"a": 1}]',
        f'{{"{SECRET}": 1}}',
    ],  # the type of an answer depends on its question
    "object": [
        "[]",
        "7",
        "true",
        f'"{SECRET}"',
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "\\u0062": 2}}',
        '{"\\u0000": "x"}',
    ],
}
ILL_FORMED = {
    "email": ["not an address", "a@b", "a@b@c.example", "a@exa mple.com", "a\\n@b.example", ""],
    "time_zone": ["Zqx/Zqx", "../etc/passwd", "Factory", "localtime", "europe/berlin", "", "UTC\\n"],
    "busy_feed_url": ["ftp://a.example", "javascript:alert(1)", "http://", "file:///etc/passwd"],
    "slug": ["Upper", "sp ace", "ü", "a" * 41, "", "a/b", "a\\n"],
    "date-time": [
        "2030-01-01",
        "2030-01-01T09:00:00",
        "2030-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1893456000",
    ],
    "uuid": ["1", "", "00000000-0000-0000-0000-00000000000g"],
    "name": ["", "  ", "a\\nb", "a\\tb", "n" * 201],
}


def build_required_query(path: str, position: int = 1) -> str:
    """Build the query without which an operation is refused, as of a position of the log where it asks for one."""
    required = {
        "/slots": "?from=2030-01-01&to=2030-01-01&time_zone=UTC",
        "/proofs": "?from=0",
        "/explain": "?start=2030-01-01T09:00:00Z",
        "/limit-trial": "?per_day=1",
    }
    query = next((query for end, query in required.items() if path.endswith(end)), "")
    return f"?at={position}" if path.startswith("/v1/as-of/") else query


@dataclass(frozen=True)
class BodyField:
    """A field of an operation's request body."""

    method: str
    path: str
    body: str
    path_in_body: tuple[str | int, ...]
    schema: Any
    nullable: bool
    optional_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'.'.join(map(str, self.path_in_body)) or 'body'}"

    @property
    def operation_key(self) -> tuple[str, str]:
        """Which operation it is of."""
        return self.method, self.path

    def build_body(self, json_text: str) -> str:
        """The operation's body as JSON text, with raw text in this place."""
        body: Any = copy.deepcopy(VALID.get(self.body, {}))
        if not self.path_in_body:
            return json_text
        inner = body
        for part, next_part in zip(self.path_in_body, (*self.path_in_body[1:], None), strict=True):
            value: Any = MARKER if next_part is None else [] if isinstance(next_part, int) else {}
            inner = put_value(inner, part, value)
        return json.dumps(body).replace(f'"{MARKER}"', json_text)

    def generate_attacks(self) -> Iterator[str]:
        """Generate JSON texts that must be refused in this field."""
        kind = self.schema["type"]
        yield from NO_NUMBERS
        yield from WRONG_VALUES[kind]
        if not self.nullable and not (self.optional_body and not self.path_in_body):
            yield "null"
        if kind in ("string", "several"):
            yield from TEXTS
        if kind == "string":
            name = str(self.path_in_body[-1])
            format_values = ILL_FORMED.get(self.schema.get("format", "")) or ILL_FORMED.get(name, [])
            yield from (f'"{text}"' for text in format_values)
            if "enum" in self.schema:
                yield f'"{SECRET}"'
        if self.schema.get("additionalProperties") is False:
            yield json.dumps({**VALID.get(self.body, {}), SECRET: 1})
            yield json.dumps({SECRET: SECRET})


def put_value(inner: Any, part: str | int, value: Any) -> Any:
    """Set a value in a list or object unless a container is there already. Returns the value that is there."""
    if isinstance(inner, list):
        inner[:] = [value]
        return value
    if not isinstance(inner.get(part), dict | list) or value == MARKER:
        inner[part] = value
    return inner[part]


def resolve_schema(schema: Any) -> tuple[Any, bool]:
    """A schema without reference and null, and whether null was allowed."""
    nullable = {"type": "null"} in schema.get("anyOf", [])
    if nullable:
        choices = [schema_option for schema_option in schema["anyOf"] if schema_option != {"type": "null"}]
        schema = choices[0] if len(choices) == 1 else {"type": "several"}
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema, nullable


def iterate_paths(
    schema: Any, path_in_body: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any, bool]]:
    """Iterate over every path in a schema, the root included."""
    schema, nullable = resolve_schema(schema)
    yield path_in_body, schema, nullable
    for name, inner in schema.get("properties", {}).items():
        yield from iterate_paths(inner, (*path_in_body, name))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from iterate_paths(
            schema["additionalProperties"], (*path_in_body, WRONG_KEYS.get(str(path_in_body[-1]), "key"))
        )
    if "items" in schema:
        yield from iterate_paths(schema["items"], (*path_in_body, 0))


def iterate_fields() -> Iterator[BodyField]:
    """Iterate over every path of every request body of the document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation:
                continue
            body = operation["requestBody"]
            schema = body["content"]["application/json"]["schema"]
            name = resolve_schema(schema)[0]["title"]
            for path_in_body, inner, nullable in iterate_paths(schema):
                yield BodyField(
                    method.upper(), path, name, path_in_body, inner, nullable, not body.get("required", False)
                )


def build_valid_body(operation: Any) -> Any:
    """A body that an operation understands, None if it takes none."""
    if "requestBody" not in operation:
        return None
    schema, _ = resolve_schema(operation["requestBody"]["content"]["application/json"]["schema"])
    return VALID.get(schema["title"], {})
