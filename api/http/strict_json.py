"""Reading JSON strictly: no repeated names, no NaN, no control characters, no surrogates, bounded in size and depth."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api.http.problem_details import BadBody, FieldError, problem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32


class StrictRequest(Request):
    """A request whose JSON body is read by the contract's rules."""

    async def json(self) -> Any:
        """The body as values. Raises BadBody naming the field and the rule."""
        return read_json(await self.body())


class StrictRoute(APIRoute):
    """A route that refuses large bodies unread, and reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if request.method in ("POST", "PATCH", "PUT", "DELETE") and not await is_small(strict):
                return problem(413, "body_too_large", "The body is larger than 64 KiB.")
            if request.method == "POST" and self.body_field is None:
                refuse_fields(await strict.body())
            return await handle(strict)

        return handle_strictly


async def is_small(request: Request) -> bool:
    """Reads the body, up to its limit. Raises ClientDisconnect."""
    if int_or_zero(request.headers.get("content-length")) > MAX_BYTES:
        return False
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_BYTES:
                return False
            pieces.append(piece)
    except ClientDisconnect:
        raise
    request._body = b"".join(pieces)
    return True


def int_or_zero(value: str | None) -> int:
    """A header's number, or 0."""
    return int(value[:18]) if value is not None and value.isascii() and value.isdigit() else 0


def read_json(body: bytes) -> Any:
    """JSON by the contract's rules. Raises BadBody."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=without_repeats,
            parse_constant=refuse_constant,
            parse_float=finite,
        )
    except BadBody:
        raise
    except RecursionError:
        refuse("body", "Too deeply nested.")
    except (ValueError, UnicodeDecodeError):
        refuse("body", "This is not JSON in UTF-8.")
    for path, text in texts(value):
        if broken := rule_broken_by(text):
            refuse(path, broken)
    return value


def refuse_fields(body: bytes) -> None:
    """Lets a route that takes no fields be sent nothing, null or an empty object. Raises BadBody."""
    value = read_json(body) if body.strip() else None
    if isinstance(value, dict) and value:
        refuse(next(iter(value))[:200], "This field is not known.")
    if value is not None and not isinstance(value, dict):
        refuse("body", "This takes no fields: send nothing, or an empty object.")


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose names stands once."""
    seen = dict(pairs)
    if len(seen) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        refuse("body" if rule_broken_by(repeated) else repeated[:200], "This field stands more than once.")
    return seen


def refuse_constant(name: str) -> NoReturn:
    """NaN and the infinities are not JSON."""
    refuse("body", "NaN and infinite numbers are not JSON.")


def finite(text: str) -> float:
    """A number that is one."""
    number = float(text)
    if number in (float("inf"), float("-inf")):
        refuse("body", "A number is too large.")
    return number


def texts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, names too, with where it stands. Raises BadBody when it is nested too deeply."""
    if depth > MAX_DEPTH:
        refuse("body", "Too deeply nested.")
    if isinstance(value, str):
        yield path or "body", value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield path or "body", name
            yield from texts(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}.{number}" if path else str(number), depth + 1)


def rule_broken_by(text: str) -> str | None:
    """The rule that a text breaks, if any: no surrogates, and of control characters only newline and tab."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "Half of a surrogate pair is not a character."
    if any((letter < " " and letter not in "\n\t") or "\x7f" <= letter <= "\x9f" for letter in text):
        return "Control characters are not allowed."
    return None


def refuse(field: str, message: str) -> NoReturn:
    """Raises BadBody for one field."""
    raise BadBody([FieldError(field=field, message=message)])
