"""Health checks and metrics for operators: /healthz, /readyz, /metrics."""

import hmac
import shutil
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from psycopg import conninfo

from api.http.client_address import is_from_networks
from api.http.dependencies import CurrentServices
from api.http.metrics import render_metrics
from api.http.problem_details import describe_problems
from api.services import Services
from domain.refusals import Forbidden, ReadModelBehind
from projections import outbox_backlog
from projections.following.positions import read_positions
from store.database import DatabaseAway

router = APIRouter(tags=["Operations"])

MAX_LAG_SECONDS = 10.0
MIN_FREE_BYTES = 64 * 2**20  # four segments of the write-ahead log, without which PostgreSQL stops
DEAD_LETTERS = "SELECT read_model, stream_id FROM {schema}.dead_letters ORDER BY failed_at LIMIT 20"
METRICS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}, "description": "All workers."}}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"description": "Not ready; `reasons` says why, to whom may read `/metrics`."}
}


@router.get("/healthz", name="healthz")
async def check_health() -> dict[str, str]:
    """The process answers.

    It asks no database: use it to decide whether to restart the process.
    """
    return {"status": "ok"}


@router.get("/readyz", name="readyz", responses=NOT_READY)
def check_readiness(request: Request, services: CurrentServices) -> JSONResponse:
    """Database, disk, follower and lag; 503 with reasons.

    Use it to decide whether a process gets traffic. `reasons` has a sentence for everything that is wrong; only
    operators see it.
    """
    reasons = list_reasons_not_ready(services)
    details = {"reasons": reasons} if is_operator(request, services) else {}
    return JSONResponse({"status": "not ready" if reasons else "ok", **details}, 503 if reasons else 200)


@router.get("/metrics", name="metrics", response_class=Response, responses=METRICS | describe_problems(403, 503))
def export_metrics(request: Request, services: CurrentServices) -> Response:
    """Prometheus's text format.

    Requests by route and status, positions of the read models, the outbox and calendars. Counters are those of all
    workers. For operators only.
    """
    if not is_operator(request, services):
        raise Forbidden
    instant = services.clock()
    calendars = services.calendar_sync.store.compute_totals(instant)
    text = render_metrics(read_positions(services.database), load_backlogs(services, instant), calendars, instant)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def is_operator(request: Request, services: Services) -> bool:
    """Whether somebody may read what is for operators: with the token, or from one of their networks."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = services.settings.metrics_token
    if expected and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), expected.encode()):
        return True
    return is_from_networks(request, services.settings.operators_networks)


def load_backlogs(services: Services, instant: datetime) -> list[outbox_backlog.ChannelBacklog]:
    """Load the outbox's backlog of each channel; empty while its table is first built."""
    try:
        return outbox_backlog.count_backlogs(services.live_source, instant)
    except ReadModelBehind:
        return []


def list_disk_problems(services: Services) -> list[str]:
    """List what fails because a disk is full: what the database said lately, and its own files where it is embedded."""
    problems = []
    if services.database.is_disk_full or services.outbox_database.is_disk_full:
        problems.append("The disk of the database is full: nothing can be booked.")
    if is_embedded(services) and (free := shutil.disk_usage(services.settings.data_dir).free) < MIN_FREE_BYTES:
        problems.append(f"The disk of the embedded database is nearly full: {free // 2**20} MiB are free.")
    return problems


def is_embedded(services: Services) -> bool:
    """Whether the database is the one in our own data folder."""
    host = conninfo.conninfo_to_dict(services.database.url).get("host") or ""
    return str(host).startswith("/") and (services.settings.data_dir / "postgres" / "PG_VERSION").exists()


def list_reasons_not_ready(services: Services) -> list[str]:
    """List why this process should get no traffic, each as a sentence."""
    try:
        positions = read_positions(services.database)
        dead_letters = services.database.fetch_rows(DEAD_LETTERS)
    except DatabaseAway:
        return ["The database does not answer."]
    reasons = list_disk_problems(services)
    reasons += [f"{row['read_model']} cannot fold stream {row['stream_id']}." for row in dead_letters]
    if not services.follower.is_alive:
        reasons.append("The follower of this process has stopped.")
    if services.follower.error:
        reasons.append(f"The follower fails: {services.follower.error}.")
    lag = (services.clock() - positions.moved_at).total_seconds()
    if positions.head > positions.position and lag > MAX_LAG_SECONDS:
        reasons.append(f"The read models are {positions.head - positions.position} positions and {lag:.0f} s behind.")
    return reasons
