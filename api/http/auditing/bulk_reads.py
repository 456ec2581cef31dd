"""Records that a route is read in bulk: a dependency of routes whose lists are the whole organisation's."""

from typing import Any

from fastapi import Depends, Request

from api.http.auditing.recording import record_bulk_read
from api.http.dependencies import CurrentCaller, CurrentServices

BULK_LIMIT = 100  # a list of that many rows at once is no page that somebody looks at


def record_bulk_reads(what: str, least_rows: int = 0) -> Any:
    """Return the dependency of a route that reads in bulk, if it asks for at least so many rows."""

    def record(request: Request, services: CurrentServices, caller: CurrentCaller) -> None:
        limit = request.query_params.get("limit", "")
        if least_rows == 0 or (limit.isascii() and limit.isdigit() and int(limit[:9]) >= least_rows):
            record_bulk_read(services, request, caller, what)

    return Depends(record)
