"""Every refusal as RFC 9457 problem+json, rendered in one place."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from api.http.validation_messages import message_of
from domain import refusals
from domain.refusals import Invalid, Refusal
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

STATUS: dict[type[Refusal], int] = {
    refusals.Invalid: 422,
    refusals.Unauthorized: 401,
    refusals.Forbidden: 403,
    refusals.ForeignOrigin: 403,
    refusals.NotFound: 404,
    refusals.LinkNotFound: 404,
    refusals.LinkUsed: 410,
    refusals.LinkUnconfirmed: 503,
    refusals.LinkExpired: 410,
    refusals.LinkRevoked: 410,
    refusals.LinkDisabled: 410,
    refusals.LinkUnattended: 410,
    refusals.LinkDeleted: 410,
    refusals.SlotTaken: 409,
    refusals.HostNotFree: 409,
    refusals.SlotNotOffered: 422,
    refusals.NobodyToMoveTo: 409,
    refusals.MeetingStarted: 409,
    refusals.BookingCancelled: 409,
    refusals.AlreadyBooked: 409,
    refusals.NothingToSend: 409,
    refusals.SlugTaken: 409,
    refusals.EmailTaken: 409,
    refusals.VerificationRunning: 409,
    refusals.VersionConflict: 412,
    refusals.IdempotencyKeyReused: 422,
    refusals.Erased: 410,
    refusals.RebuildRunning: 409,
    refusals.NewerVersionLive: 409,
    refusals.ReadModelBehind: 503,
    refusals.TooManyRequests: 429,
    refusals.CalendarsBusy: 503,
    refusals.TryAgain: 503,
}
LONGEST_FIELD = 100
UNDER_A_CODE = ("/v1/book/", "/v1/manage/")  # what stands there is a code, even with %2F in it
HTTP_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "too_many_requests",
}


class FieldError(BaseModel):
    """One rule that was broken; the value sent is never repeated."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details, with the stable `code` of the contract; a 422 also says which fields."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None


class BadBody(HTTPException):
    """A request that cannot be read as the contract's JSON; each error names the field and the rule."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(422)
        self.errors = errors


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route documents in OpenAPI."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": DESCRIPTIONS[status], "content": content} for status in statuses}


DESCRIPTIONS = {
    401: "Not signed in.",
    403: "Your roles do not allow this.",
    404: "There is no such thing, or it is not yours to see.",
    406: "There is no such representation.",
    409: "It is in a state that does not allow this.",
    410: "It is no longer there to be used; `code` says why.",
    412: "It was changed meanwhile.",
    413: "The body is larger than 64 KiB.",
    422: "What was sent breaks a rule; `errors` names the fields.",
    429: "Too many requests from this address.",
    503: "Try again after `Retry-After` seconds.",
}


def problem(status: int, code: str, detail: str, errors: Sequence[FieldError] | None = None) -> JSONResponse:
    """A problem as a response."""
    body: dict[str, Any] = {
        "type": f"urn:oncelink:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors is not None:
        body["errors"] = [error.model_dump() for error in errors]
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def refused(request: Request, error: Exception) -> JSONResponse:
    """A refusal of the domain."""
    assert isinstance(error, Refusal)
    if isinstance(error, Invalid):
        return invalid([FieldError(field=error.field, message=error.message)])
    status = STATUS[type(error)]
    errors = None
    if status == 422:
        field = "start" if isinstance(error, refusals.SlotNotOffered) else "Idempotency-Key"
        errors = [FieldError(field=field, message=error.sentence)]
    return problem(status, error.code, error.sentence, errors)


def invalid(errors: Sequence[FieldError]) -> JSONResponse:
    """What was sent breaks a rule."""
    detail = " ".join(f"{error.field}: {error.message}" for error in errors[:5])
    return problem(422, "invalid", detail, errors)


def unreadable(request: Request, error: Exception) -> JSONResponse:
    """A body, query or header that breaks a rule, as Pydantic found it."""
    assert isinstance(error, RequestValidationError)
    return invalid([FieldError(field=field_name(one["loc"]), message=message_of(one)) for one in error.errors()])


def field_name(location: Sequence[Any]) -> str:
    """Where in the request: `guest.email`, `recipients.0.name`; the part of the request itself only when alone."""
    parts = [str(part)[:LONGEST_FIELD] for part in location]
    return ".".join(parts[1:]) or parts[0]


def bad_body(request: Request, error: Exception) -> JSONResponse:
    """A body that is not the contract's JSON."""
    assert isinstance(error, BadBody)
    return invalid(error.errors)


def http_error(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: unknown paths and methods."""
    assert isinstance(error, StarletteHTTPException)
    slashed = b"%2f" in request.scope.get("raw_path", b"").lower()
    if error.status_code == 404 and slashed and request.url.path.startswith(UNDER_A_CODE):
        return refused(request, refusals.LinkNotFound())
    code = HTTP_CODES.get(error.status_code, "invalid")
    answer = problem(error.status_code, code, f"{error.detail}.")
    answer.headers.update(error.headers or {})
    return answer


def database_away(request: Request, error: Exception) -> JSONResponse:
    """The database does not answer: loud in the log, and the truth is found by trying again."""
    log.error("the database does not answer", exc_info=error)
    return refused(request, refusals.TryAgain())


def install(app: FastAPI) -> None:
    """Registers every way of refusing."""
    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(BadBody, bad_body)
    app.add_exception_handler(StarletteHTTPException, http_error)
    app.add_exception_handler(DatabaseAway, database_away)
