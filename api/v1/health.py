"""For operators: /healthz, /readyz, /metrics."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.clock import now
from api.http.dependencies import Parts
from api.http.metrics import exposition
from api.http.problem_details import answers
from api.services import Oncelink
from domain.refusals import ReadModelBehind
from projections import outbox
from projections.following.positions import position
from store.database import DatabaseAway

router = APIRouter(tags=["Operations"])

MOST_LAG_SECONDS = 10.0
DEAD_LETTERS = "SELECT read_model, stream_id FROM {schema}.dead_letters ORDER BY failed_at LIMIT 20"
METRICS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}, "description": "All workers."}}
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready; `reasons` says why."}}


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=NOT_READY)
def readyz(parts: Parts) -> JSONResponse:
    """Database, follower and lag; 503 with reasons."""
    reasons = reasons_not_ready(parts)
    return JSONResponse({"status": "not ready" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200)


@router.get("/metrics", response_class=Response, responses=METRICS | answers(503))
def metrics(parts: Parts) -> Response:
    """Prometheus's text format."""
    instant = now()
    calendars = parts.calendars.store.totals(instant)
    text = exposition(position(parts.database), waiting(parts, instant), calendars, instant)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def waiting(parts: Oncelink, instant: datetime) -> list[outbox.Waiting]:
    """What the outbox holds; nothing is known of it while it is built for the first time."""
    try:
        return outbox.waiting(parts.live, instant)
    except ReadModelBehind:
        return []


def reasons_not_ready(parts: Oncelink) -> list[str]:
    """Why no traffic should come here, each in a sentence."""
    try:
        at = position(parts.database)
        dead = parts.database.rows(DEAD_LETTERS)
    except DatabaseAway:
        return ["The database does not answer."]
    reasons = [f"{row['read_model']} cannot fold stream {row['stream_id']}." for row in dead]
    if not parts.follower.alive:
        reasons.append("The follower of this process has stopped.")
    if parts.follower.error:
        reasons.append(f"The follower fails: {parts.follower.error}.")
    lag = (now() - at.moved_at).total_seconds()
    if at.head > at.position and lag > MOST_LAG_SECONDS:
        reasons.append(f"The read models are {at.head - at.position} positions and {lag:.0f} s behind.")
    return reasons
