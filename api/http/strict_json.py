"""Strict JSON: no repeated names, no NaN, no control characters, no surrogates, bounded size and depth."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from api.http.bounded_body import read_body_within_limit
from api.http.openapi.deprecation import answer_deprecated, find_deprecation
from api.http.problem_details import BadRequest, FieldError, build_problem_response
from api.http.strict_query import build_refusing_handler, find_query_errors, list_query_parameters
from api.http.text_rules import find_broken_rule

MAX_DEPTH = 32


class StrictRequest(Request):
    """A request whose JSON body is parsed strictly."""

    async def json(self) -> Any:
        """The body as values. Raises BadRequest naming the field and the rule."""
        return read_json(await self.body())


class StrictRoute(APIRoute):
    """A route that refuses large bodies before reading them, parses JSON strictly, and knows its query parameters."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; if the operation is deprecated, the answer says so."""
        deprecation = find_deprecation(self.endpoint)
        if deprecation is None:
            await super().handle(scope, receive, send)
        else:
            await answer_deprecated(deprecation, super().handle, scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()
        refuse_query = build_refusing_handler(self)
        allowed = list_query_parameters(self.dependant)

        async def handle_strictly(request: Request) -> Response:
            receive: Receive | None = request.receive
            if request.method in ("POST", "PATCH", "PUT", "DELETE"):
                receive = await read_body_within_limit(request)
            if receive is None:
                return build_problem_response(413, "body_too_large", "The body is larger than 64 KiB.")
            strict_request = StrictRequest(request.scope, receive)
            if request.method == "POST" and self.body_field is None:
                refuse_fields(await strict_request.body())
            has_bad_query = request.scope["query_string"] and find_query_errors(request.query_params, allowed)
            return await (refuse_query if has_bad_query else handle)(strict_request)

        return handle_strictly


def read_json(body: bytes) -> Any:
    """Parse JSON strictly. Raises BadRequest."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=refuse_repeated_names,
            parse_constant=refuse_constant,
            parse_float=parse_finite_float,
        )
    except RecursionError:
        raise_bad_body("body", "Too deeply nested.")
    except (ValueError, UnicodeDecodeError):
        raise_bad_body("body", "This is not JSON in UTF-8.")
    for path, text in iterate_texts(value):
        if broken_rule := find_broken_rule(text):
            raise_bad_body(path, broken_rule)
    return value


def refuse_fields(body: bytes) -> None:
    """Refuse any field on a route that takes none: only nothing, null or an empty object pass. Raises BadRequest."""
    value = read_json(body) if body.strip() else None
    if isinstance(value, dict) and value:
        raise_bad_body(next(iter(value))[:200], "This field is not known.")
    if value is not None and not isinstance(value, dict):
        raise_bad_body("body", "This takes no fields: send nothing, or an empty object.")


def refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing repeated names. Raises BadRequest."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise_bad_body("body" if find_broken_rule(repeated) else repeated[:200], "This field stands more than once.")
    return fields


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities. Raises BadRequest."""
    raise_bad_body("body", "NaN and infinite numbers are not JSON.")


def parse_finite_float(text: str) -> float:
    """Parse a finite number. Raises BadRequest."""
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise_bad_body("body", "A number is too large.")
    return number


def iterate_texts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield `(path, text)` for every string in a JSON value, names included. Raises BadRequest when too deep."""
    if depth > MAX_DEPTH:
        raise_bad_body("body", "Too deeply nested.")
    if isinstance(value, str):
        yield path or "body", value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield path or "body", name
            yield from iterate_texts(item, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from iterate_texts(item, f"{path}.{index}" if path else str(index), depth + 1)


def raise_bad_body(field: str, message: str) -> NoReturn:
    """Raise BadRequest for one field."""
    raise BadRequest([FieldError(field=field, message=message)])
