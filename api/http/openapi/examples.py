"""Examples in the OpenAPI document: of each body, answer and parameter, built from its schema and a table of values."""

import json
import shlex
from typing import Any
from urllib.parse import urlencode

from api.http.openapi.example_things import LEAF_HASH, ROOT_HASH, derive_id
from api.http.openapi.example_values import VALUES
from api.http.openapi.parameters import DESCRIPTIONS, EXAMPLES

JSON = "application/json"
CSV_LINES = "booking_id,booked_at,status,guest_name\r\n{},2027-01-10T14:03:07.512Z,scheduled,Grace Guest\r\n"
TEXTS: dict[tuple[str, str], Any] = {  # answers that no schema describes
    ("healthz", JSON): {"status": "ok"},
    ("readyz", JSON): {"status": "ok", "reasons": []},
    ("metrics", "text/plain"): "# TYPE oncelink_requests_total counter\n",
    ("get_checkpoint", "text/plain"): f"meet.example.com\n4711\n{ROOT_HASH}\n\n— meet.example.com {LEAF_HASH}\n",
    ("read_meeting_log", "text/csv"): CSV_LINES.format(derive_id("booking")),
    ("read_usage", "text/csv"): "day,issued,booked,rescheduled,cancelled\r\n2027-01-10,12,7,2,1\r\n",
    ("read_access_log", "text/csv"): "id,at,kind\r\n4711,2027-01-10T14:03:07.512Z,sign_in\r\n",
    ("follow_progress", "text/event-stream"): "event: end\ndata: {}\n\n",
}


class Undocumented(LookupError):
    """A route lacks a description, or a field or parameter an example (see example_values, parameters)."""


def add_examples(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add examples to an operation: parameters, body, answers, and a command for a shell. Raises Undocumented."""
    if "description" not in operation:
        raise Undocumented(f"a second paragraph in the docstring of {operation['operationId']}")
    for parameter in operation.get("parameters", []):
        parameter["example"] = find_parameter_example(operation["operationId"], parameter)
        parameter.setdefault("description", DESCRIPTIONS.get(parameter["name"], ""))
    contents = [(operation["requestBody"]["content"])] if "requestBody" in operation else []
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            contents.append(response.get("content", {}))
    for content in contents:
        for media_type, media in content.items():
            media["example"] = find_media_example(operation["operationId"], media_type, media, schemas)
    command = build_command(path, method, operation)
    operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": command}]


def find_parameter_example(id: str, parameter: dict[str, Any]) -> Any:
    """Find the example of a parameter: that of its operation, of its name, or a value of its schema."""
    name, schema = parameter["name"], parameter["schema"]
    for key in (f"{id}.{name}", name):
        if key in EXAMPLES:
            return EXAMPLES[key]
    if "enum" in schema:
        return schema.get("default", schema["enum"][0])
    raise Undocumented(f"parameter {name} of {id}")


def find_media_example(id: str, media_type: str, media: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Find the example of a body or answer of an operation."""
    if (id, media_type) in TEXTS:
        return TEXTS[id, media_type]
    if media_type != JSON:
        raise Undocumented(f"{media_type} of {id}")
    return build_example(media["schema"], schemas, f"{id} {media_type}")


def build_example(schema: dict[str, Any], schemas: dict[str, Any], place: str) -> Any:
    """Build an example of a schema; `place` is its schema and field: `Link.name`. Raises Undocumented."""
    field = place.rpartition(".")[2]
    if place in VALUES:
        return VALUES[place]
    if "const" in schema:
        return schema["const"]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return build_example(options[0], schemas, place)
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved = schemas[name] if name else schema
    if resolved.get("properties") and name != "Named":
        fields = resolved["properties"].items()
        example = {key: build_example(inner, schemas, f"{name}.{key}") for key, inner in fields}
        return {key: value for key, value in example.items() if value is not ...}
    if field in VALUES and "enum" not in resolved:
        return VALUES[field]
    return build_plain_example(resolved, schemas, place)


def build_plain_example(schema: dict[str, Any], schemas: dict[str, Any], place: str) -> Any:
    """Build an example of an enum, a list, a number, an id or an instant. Raises Undocumented for any other text."""
    if "enum" in schema:
        value = VALUES.get(place.rpartition(".")[2])
        return value if value in schema["enum"] else schema["enum"][0]
    if schema.get("type") == "array":
        return [build_example(schema["items"], schemas, place)]
    if schema.get("type") in ("boolean", "integer", "number"):
        return False if schema["type"] == "boolean" else max(3, schema.get("minimum", 3))
    plain_values = {"uuid": derive_id(place), "date-time": VALUES["recorded_at"], "date": VALUES["day"]}
    if schema.get("format") in plain_values:
        return plain_values[schema["format"]]
    raise Undocumented(f"field {place}")


def build_command(path: str, method: str, operation: dict[str, Any]) -> str:
    """Build a request of an operation as a command for a shell."""
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    required = [parameter for parameter in parameters if parameter["in"] == "query" and parameter.get("required")]
    query = urlencode([(parameter["name"], parameter["example"]) for parameter in required], safe=":/")
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    if operation["security"]:
        words += ["-H", "Authorization: Bearer $ONCELINK_API_KEY"]
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        words += ["-H", f"Idempotency-Key: {EXAMPLES['Idempotency-Key']}"]
    address = f"$ONCELINK_URL{path}{'?' if query else ''}{query}"
    quoted = [f'"{word}"' if " " in word else word for word in words]
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("example")
    if body is not None:
        quoted += ["-H", '"Content-Type: application/json"', "-d", shlex.quote(json.dumps(body, ensure_ascii=False))]
    return " ".join([*quoted, f'"{address}"'])
