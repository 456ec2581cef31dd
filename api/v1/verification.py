"""Verification of the whole log, as a job: /v1/history/verify."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from api.http.dependencies import CurrentCaller, CurrentServices
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from domain.refusals import NotFound
from replay.verify import jobs

router = APIRouter(prefix="/v1/history", tags=["Proofs"], route_class=StrictRoute)

READERS = ("auditor", "admin")
REPORT_FIELDS = ("checked_events", "sealed_events", "unproven_events", "problems", "read_models")


class VerificationProblem(BaseModel):
    """One thing that differs: what was checked, where, and what differs."""

    check: str
    stream_id: UUID | None
    position: int | None
    difference: str


class Verification(BaseModel):
    """A check of the whole log. `unproven_events` are too new to be sealed; `read_models` counts differing rows."""

    state: Literal["queued", "running", "done", "failed"]
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    checked_events: int = 0
    sealed_events: int | None = None
    unproven_events: int | None = None
    problems: list[VerificationProblem] = []
    read_models: dict[str, int] = {}
    error: str | None


@router.post(
    "/verify",
    status_code=202,
    response_model=Verification,
    responses=describe_problems(401, 403, "verification_running", 413, 422, 503),
)
def start_verification(services: CurrentServices, caller: CurrentCaller) -> dict[str, Any]:
    """Asks for a check of the log, its seals and read models (auditor, admin); one at a time.

    Answers at once; read the result with `GET /v1/history/verify`.
    """
    caller.require_any_role(*READERS)
    jobs.request_verification(services.database, caller.person.id)
    services.verifications.wake()
    return load_latest(services)


@router.get("/verify", response_model=Verification, responses=describe_problems(401, 403, 404, 503))
def get_verification(services: CurrentServices, caller: CurrentCaller) -> dict[str, Any]:
    """The check that was asked for last: its state, and what it found (auditor, admin).

    `state` is `queued`, `running`, `done` or `failed`. `problems` is empty when everything is right; `read_models`
    counts the rows of each that differ from a fresh fold.
    """
    caller.require_any_role(*READERS)
    return load_latest(services)


def load_latest(services: CurrentServices) -> dict[str, Any]:
    """Load the last verification with its report. Raises NotFound when there was none."""
    job = jobs.find_latest_verification(services.database)
    if job is None:
        raise NotFound
    return {**job, **{name: value for name, value in (job["report"] or {}).items() if name in REPORT_FIELDS}}
