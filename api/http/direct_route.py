"""A route that answers the usual request by itself, and leaves every other one to the framework.

Most of the processor time of a small request is the framework's: it looks for each argument by itself. Here one
function finds them all. Whatever it does not expect (a body of another type, a field that is missing, an unknown
parameter) goes to the framework as it came, so every error has one source. The OpenAPI document is the framework's.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import Request, Response
from fastapi.exceptions import HTTPException
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.strict_json import StrictRoute, read_json

RESOLVER = "resolve_arguments"
JSON_TYPES = (b"application/json", b"application/json; charset=utf-8")

Resolver = Callable[[Request, bytes], Awaitable[dict[str, Any] | None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Response])
Body = TypeVar("Body", bound=BaseModel)


def resolve_by(resolver: Resolver) -> Callable[[Endpoint], Endpoint]:
    """Name the function that finds the arguments of an endpoint; it returns None for what it does not expect."""

    def name_resolver(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, RESOLVER, resolver)
        return endpoint

    return name_resolver


class DirectRoute(StrictRoute):
    """A route whose endpoint is a plain function that returns a response. Without `resolve_by` it is a StrictRoute."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        resolver = getattr(endpoint, RESOLVER, None)
        if resolver is not None:
            self.app = DirectApp(endpoint, resolver, self.app)


class DirectApp:
    """The ASGI application of such a route; `framework` is the route's usual one."""

    def __init__(self, endpoint: Callable[..., Response], resolver: Resolver, framework: ASGIApp) -> None:
        self.endpoint = endpoint
        self.resolver = resolver
        self.framework = framework

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        request = Request(scope)
        try:
            is_whole = message["type"] == "http.request" and not message.get("more_body", False)
            arguments = await self.resolver(request, message.get("body", b"")) if is_whole else None
            response = None if arguments is None else await to_thread.run_sync(partial(self.endpoint, **arguments))
        except Exception as error:
            response = build_error_response(request, error)
        if response is None:
            await self.framework(scope, receive_again(message, receive), send)
        else:
            await response(scope, receive, send)


def receive_again(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives this message first, and then what `receive` gives."""
    messages = [message]

    async def receive_next() -> Message:
        return messages.pop() if messages else await receive()

    return receive_next


def build_error_response(request: Request, error: Exception) -> Response:
    """Build the response to an error by the application's handlers. Raises an error that none of them handles."""
    handlers, _ = request.scope["starlette.exception_handlers"]
    handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
    if handler is None:
        raise error
    response: Response = handler(request, error)
    return response


def parse_body(request: Request, body: bytes, model: type[Body]) -> Body | None:
    """Parse a JSON body; None for anything else, of which the framework says what is wrong."""
    if dict(request.scope["headers"]).get(b"content-type", b"").lower() not in JSON_TYPES:
        return None
    try:
        return model.model_validate(read_json(body))
    except (ValidationError, HTTPException):
        return None


def parse_query(request: Request, model: type[Body]) -> Body | None:
    """Parse the query parameters; None where one is wrong, unknown or stands twice."""
    items = request.query_params.multi_items()
    values = dict(items)
    try:
        return model.model_validate(values) if len(values) == len(items) else None
    except ValidationError:
        return None
