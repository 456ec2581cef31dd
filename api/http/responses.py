"""Helpers that turn rows and command outcomes into HTTP responses."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Response

from api.http.dependencies import Caller, build_etag_header, build_position_header
from api.services import Services
from domain.log import CommandResult
from domain.refusals import NotFound
from projections.links import LinkRow
from projections.queries.pagination import Page
from projections.single_use_links import SingleUseRow

Row = TypeVar("Row")
VersionedRow = TypeVar("VersionedRow", bound=Mapping[str, Any])


def build_json_response(content: bytes) -> Response:
    """Build the response to JSON that is encoded already."""
    return Response(content, media_type="application/json")


def require_row(row: Row | None) -> Row:
    """Return a row. Raises NotFound when it is None."""
    if row is None:
        raise NotFound
    return row


def announce_creation(response: Response, services: Services, outcome: CommandResult) -> None:
    """Set the position header of a creation, or mark the response as a replay, and wake the log's consumers."""
    announce_write(response, services, outcome.position, outcome.replayed)


def announce_write(response: Response, services: Services, position: int | None, replayed: bool) -> None:
    """Set `Oncelink-Position`. A replay gets `Idempotent-Replayed`; a new write wakes the log's consumers."""
    response.headers.update(build_position_header(position))
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    else:
        services.announce_append()


def announce_change(response: Response, services: Services, position: int | None) -> None:
    """Set `Oncelink-Position` and wake the log's consumers. Does nothing when the position is None."""
    if position is not None:
        response.headers.update(build_position_header(position))
        services.announce_append()


def to_versioned_response(row: VersionedRow | None, response: Response) -> VersionedRow:
    """Return a row, and set the `ETag` header to its version. Raises NotFound when it is None."""
    row = require_row(row)
    response.headers.update(build_etag_header(row["version"]))
    return row


def to_page_response(page: Page[Any]) -> dict[str, Any]:
    """Build the list response `{items, next_cursor}` from a page of rows."""
    return {"items": page.items, "next_cursor": page.next_cursor}


def add_link_url(services: Services, row: LinkRow | None) -> dict[str, Any]:
    """Add the booking URL to a link's row. Raises NotFound when the row is None."""
    row = require_row(row)
    return {**row, "url": f"{services.settings.base_url}/book/{row['slug']}"}


def add_single_use_url(services: Services, caller: Caller, row: SingleUseRow | None) -> dict[str, Any]:
    """Add code and URL to a single-use link's row; both are None unless the caller issued it. Raises NotFound."""
    row = require_row(row)
    code = services.codes.create_code(row["id"], "book") if row["issued_by"]["id"] == caller.person.id else None
    return {**row, "code": code, "url": code and f"{services.settings.base_url}/s/{code}"}
