"""How an operation of the API ends: it says so in each answer, and after its last day it is not found.

Sources: RFC 9745 (`Deprecation`, and the relation `deprecation`), RFC 8594 (`Sunset`), and docs/api-stability.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.dependencies import get_services
from domain.refusals import NotFound

ATTRIBUTE = "deprecation"
SHORTEST_NOTICE = timedelta(days=365)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deprecation:
    """Since when an operation is deprecated, the page that says what to use instead, and when it ends, once known.

    Raises ValueError for an end that comes earlier than 12 months after the beginning, or instants without a zone.
    """

    since: datetime
    page: str
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or (self.ends_at and self.ends_at.tzinfo is None):
            raise ValueError("A deprecation is given as instants with a zone.")
        if self.ends_at and self.ends_at - self.since < SHORTEST_NOTICE:
            raise ValueError("An operation ends 12 months after its deprecation, or later.")

    def build_headers(self) -> list[tuple[bytes, bytes]]:
        """Build the header fields of each answer."""
        fields = {"deprecation": f"@{int(self.since.timestamp())}", "link": f'<{self.page}>; rel="deprecation"'}
        if self.ends_at:
            fields["sunset"] = format_datetime(self.ends_at.astimezone(UTC), usegmt=True)
        return [(name.encode(), value.encode()) for name, value in fields.items()]


def deprecate(deprecation: Deprecation) -> Callable[[Endpoint], Endpoint]:
    """Mark the function of a route as deprecated. The OpenAPI document and each answer say so."""

    def mark_endpoint(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, ATTRIBUTE, deprecation)
        return endpoint

    return mark_endpoint


def find_deprecation(endpoint: Callable[..., Any]) -> Deprecation | None:
    """Find the deprecation of the function of a route."""
    deprecation: Deprecation | None = getattr(endpoint, ATTRIBUTE, None)
    return deprecation


async def answer_deprecated(deprecation: Deprecation, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by the application of a route, whatever the answer, with the fields. Raises NotFound after its end."""
    if deprecation.ends_at and get_services(Request(scope)).clock() >= deprecation.ends_at:
        raise NotFound

    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *deprecation.build_headers()]}
        await send(message)

    await app(scope, receive, send_with_fields)
