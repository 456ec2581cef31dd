"""Who signed in, made keys, exported and read in bulk, for auditors and admins: /v1/access-log."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.http.as_of_parameter import From, To
from api.http.auditing.recording import record_own_access
from api.http.csv import render_csv_lines
from api.http.dependencies import CurrentCaller, CurrentServices
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.access_log.models import AccessLogEntry
from api.v1.history import ForAuditors
from api.v1.meeting_log import is_csv_preferred
from api.v1.response_models import PageOf
from domain.refusals import Invalid
from projections import people
from store.access_log import AccessFilters, AccessKind

router = APIRouter(prefix="/v1/access-log", tags=["History"], route_class=StrictRoute)

PAGE_SIZE = 200
COLUMNS = ("id", "at", "kind", "reason", "actor_id", "actor_name", "person_id", "person_name", "client", "request_id")
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or every row as CSV."}
}


@router.get(
    "",
    response_model=PageOf[AccessLogEntry],
    dependencies=[ForAuditors],
    responses=CSV_RESPONSE | describe_problems(401, 403, 422, 503),
)
def read_access_log(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    kind: Annotated[AccessKind | None, Query(description="Only what is of this kind.")] = None,
    person_id: Annotated[UUID | None, Query(description="Only what somebody did, or what is about them.")] = None,
    recorded_from: From = None,
    recorded_to: To = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str | None, Header(description="`text/csv` streams every row.")] = None,
) -> Any:
    """The access log, newest first (auditor, admin).

    It has sign-ins and refused ones with their reason, sign-outs, API keys made, revoked and used from an address that
    is new for them, exports, bulk reads, erasures and changes of roles. It is kept for `ONCELINK_ACCESS_LOG_DAYS`.
    Each entry is a JSON line of the service's log too, for a SIEM. `details` differ by `kind`, and hold no name.
    """
    filters = AccessFilters(kind, person_id, recorded_from, recorded_to)
    if is_csv_preferred(accept or ""):
        record_own_access(services, request, caller, "export", what="access log")
        return stream_entries(services, filters)
    rows = services.access_log.list_entries(filters, limit + 1, parse_cursor(cursor))
    next_cursor = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return {"items": add_names(services, rows[:limit]), "next_cursor": next_cursor}


def stream_entries(services: Services, filters: AccessFilters) -> StreamingResponse:
    """Stream all entries as a CSV file, newest first."""
    details = sorted({"issuer", "roles", "sessions", "way", "what"})
    rows = (row | row["details"] for row in iterate_entries(services, filters))
    headers = {"Content-Disposition": 'attachment; filename="access-log.csv"', "Cache-Control": "no-store"}
    lines = render_csv_lines((*COLUMNS, *details), rows)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def iterate_entries(services: Services, filters: AccessFilters) -> Iterator[dict[str, Any]]:
    """Iterate over all entries with the names of their people, page by page."""
    before: int | None = None
    while rows := services.access_log.list_entries(filters, PAGE_SIZE, before):
        yield from add_names(services, rows)
        before = rows[-1]["id"]


def add_names(services: Services, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the names that the people of entries have now."""
    ids = {row[field] for row in rows for field in ("actor_id", "person_id") if row[field]}
    names: dict[UUID, str] = {
        person["id"]: person["name"] for person in people.find_people(services.live_source, sorted(ids))
    }
    return [
        row | {"actor_name": names.get(row["actor_id"]), "person_name": names.get(row["person_id"])} for row in rows
    ]


def parse_cursor(cursor: str | None) -> int | None:
    """Parse a cursor into the id that the page comes before. Raises Invalid."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("cursor", "Send the next_cursor of the page before, unchanged.")
    return int(cursor)
