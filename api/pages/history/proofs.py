"""What auditors do with the log: verify it in the background, take a signed checkpoint, export it."""

from contextlib import suppress
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.http.auditing.recording import record_own_access
from api.http.csv import render_csv_lines
from api.http.dependencies import CurrentServices
from api.http.event_lines import EVENT_COLUMNS, flatten_event, render_event_line
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.checkpoints import READERS, get_checkpoint
from api.v1.verification import Verification, load_latest
from domain.refusals import NotFound, VerificationRunning
from projections.following.positions import read_positions
from replay.export import EventExport
from replay.settled import find_last_settled_position
from replay.verify import jobs

router = APIRouter(prefix="/history", include_in_schema=False, route_class=PageRoute)

MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@router.get("/verification")
def show_verification(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show the verification that was requested last: its progress, or what it found (auditor, admin)."""
    viewer.require_any_role(*READERS)
    job = None
    with suppress(NotFound):
        job = Verification.model_validate(load_latest(services)).model_dump()
    return render_page(
        request,
        "history/verification.html",
        job=job,
        is_running=job is not None and job["state"] in ("queued", "running"),
        head=read_positions(services.database).head,
    )


@router.post("/verification")
def start_verification(services: CurrentServices, viewer: Viewer) -> Response:
    """Request a verification, unless one is queued or runs; it runs in the background (auditor, admin)."""
    viewer.require_any_role(*READERS)
    with suppress(VerificationRunning):
        jobs.request_verification(services.database, viewer.person.id)
    services.verifications.wake()
    return redirect_to("/history/verification")


@router.get("/checkpoint")
def download_checkpoint(services: CurrentServices, viewer: Viewer) -> Response:
    """Download the signed head of the log, to be kept elsewhere (auditor, admin)."""
    response = get_checkpoint(services, viewer)
    response.headers.update(build_download_headers(f"checkpoint-{viewer.today}.txt"))
    return response


@router.get("/export")
def export_events(
    request: Request, services: CurrentServices, viewer: Viewer, format: Literal["jsonl", "csv"] = "jsonl"
) -> Response:
    """Stream every settled event, as JSON lines or CSV (auditor, admin)."""
    viewer.require_any_role(*READERS)
    record_own_access(services, request, viewer, "export", what="events")
    until = find_last_settled_position(services.database)
    rows = EventExport(services.database, until).iterate_rows()
    lines = (
        render_csv_lines(EVENT_COLUMNS, map(flatten_event, rows)) if format == "csv" else map(render_event_line, rows)
    )
    headers = build_download_headers(f"events-to-{until}.{format}")
    return StreamingResponse(lines, media_type=MEDIA_TYPES[format], headers=headers)


def build_download_headers(name: str) -> dict[str, str]:
    """Build the headers of a file to download, which no cache keeps."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
