"""Problem responses in the OpenAPI document: a schema with an enum for each set of codes, and what they mean."""

import json
from typing import Any

from pydantic import BaseModel

from api.http import problem_details
from api.http.error_codes import CLOSED_LINK, ERROR_CODES, GUEST_CHECK, REFUSAL_STATUSES
from api.http.problem_details import CODES, Problem, describe_problems
from domain.refusals import Invalid, find_code

GROUPS = {"closed_link": CLOSED_LINK, "guest_check": GUEST_CHECK}
CODES_OF_HEADERS = {"Idempotency-Key": "idempotency_key_reused", "Oncelink-Min-Position": "read_model_behind"}


def build_problem_schemas(problem: type[BaseModel] = Problem) -> dict[str, Any]:
    """Build the schemas of problem details."""
    schema = problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), problem.__name__: schema}


def finish_problem_responses(path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give each problem response of an operation its schema and description. Adds the codes that every route has."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", {})):
        del responses["422"]
    if path.startswith("/v1/"):  # each refuses query parameters that it does not know
        responses.setdefault("422", describe_problems(422)[422])
    if "401" in responses:  # a key may be limited, and a session is refused to another site
        responses.setdefault("403", describe_problems(403)[403])
    for parameter in operation.get("parameters", []):
        if code := CODES_OF_HEADERS.get(parameter["name"]):
            response = responses[str(ERROR_CODES[code].status)]
            response[CODES] = [*response[CODES], code]
    for status, response in responses.items():
        if CODES in response:
            responses[status] = build_problem_response(sorted(set(response[CODES])), schemas)


def build_problem_response(codes: list[str], schemas: dict[str, Any]) -> dict[str, Any]:
    """Build a response with these codes, and add its schema to the schemas."""
    name = name_codes(codes) + Problem.__name__
    schemas[name] = {
        "allOf": [
            {"$ref": f"#/components/schemas/{Problem.__name__}"},
            {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}, "required": ["code"]},
        ],
        "title": name,
        "examples": [build_problem_example(codes[0])],
        "description": describe_codes(codes),
    }
    return {
        "description": describe_codes(codes),
        "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


def name_codes(codes: list[str]) -> str:
    """Name a set of codes: `InvalidOrSlotNotOffered`. A group of codes that is there as a whole has its own name."""
    names = set(codes)
    for group, members in GROUPS.items():
        if names.issuperset(members):
            names = names.difference(members) | {group}
    return "Or".join(name.title().replace("_", "") for name in sorted(names))


def build_problem_example(code: str) -> dict[str, Any]:
    """Build the body of an answer with this code, as the service does."""
    refusal = next((refusal for refusal in REFUSAL_STATUSES if find_code(refusal) == code), None)
    if refusal is None:
        answer = problem_details.build_problem_response(ERROR_CODES[code].status, code, ERROR_CODES[code].meaning)
    else:
        error = Invalid("name", "This field is required.") if refusal is Invalid else refusal()
        answer = problem_details.build_refusal_response(error)
    return dict(json.loads(bytes(answer.body)))


def describe_codes(codes: list[str]) -> str:
    """Describe what codes mean: a sentence for one, else a list."""
    if len(codes) == 1:
        return f"`{codes[0]}`: {ERROR_CODES[codes[0]].meaning}"
    return "\n".join(f"- `{code}`: {ERROR_CODES[code].meaning}" for code in codes)
