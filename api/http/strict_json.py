"""Strict JSON: no repeated names, no NaN, no control characters, no surrogates, bounded size and depth."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive

from api.http.bounded_body import read_body_within_limit
from api.http.problem_details import BadBody, FieldError, build_problem_response

MAX_DEPTH = 32


class StrictRequest(Request):
    """A request whose JSON body is parsed strictly."""

    async def json(self) -> Any:
        """The body as values. Raises BadBody naming the field and the rule."""
        return read_json(await self.body())


class StrictRoute(APIRoute):
    """A route that refuses large bodies before reading them, and parses JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            receive: Receive | None = request.receive
            if request.method in ("POST", "PATCH", "PUT", "DELETE"):
                receive = await read_body_within_limit(request)
            if receive is None:
                return build_problem_response(413, "body_too_large", "The body is larger than 64 KiB.")
            strict_request = StrictRequest(request.scope, receive)
            if request.method == "POST" and self.body_field is None:
                refuse_fields(await strict_request.body())
            return await handle(strict_request)

        return handle_strictly


def read_json(body: bytes) -> Any:
    """Parse JSON strictly. Raises BadBody."""
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
    """Refuse any field on a route that takes none: only nothing, null or an empty object pass. Raises BadBody."""
    value = read_json(body) if body.strip() else None
    if isinstance(value, dict) and value:
        raise_bad_body(next(iter(value))[:200], "This field is not known.")
    if value is not None and not isinstance(value, dict):
        raise_bad_body("body", "This takes no fields: send nothing, or an empty object.")


def refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing repeated names. Raises BadBody."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise_bad_body("body" if find_broken_rule(repeated) else repeated[:200], "This field stands more than once.")
    return fields


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities. Raises BadBody."""
    raise_bad_body("body", "NaN and infinite numbers are not JSON.")


def parse_finite_float(text: str) -> float:
    """Parse a finite number. Raises BadBody."""
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise_bad_body("body", "A number is too large.")
    return number


def iterate_texts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield `(path, text)` for every string in a JSON value, names included. Raises BadBody beyond the depth limit."""
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


def find_broken_rule(text: str) -> str | None:
    """Find the rule that a text breaks: no surrogates; newline and tab are the only control characters."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "Half of a surrogate pair is not a character."
    if any((character < " " and character not in "\n\t") or "\x7f" <= character <= "\x9f" for character in text):
        return "Control characters are not allowed."
    return None


def raise_bad_body(field: str, message: str) -> NoReturn:
    """Raise BadBody for one field."""
    raise BadBody([FieldError(field=field, message=message)])
