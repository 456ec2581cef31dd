"""RFC 9457 problem details for every refusal."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from api.http.allowed_methods import build_allow_header
from api.http.error_codes import ERROR_CODES, REFUSAL_STATUSES, USUAL_CODES
from api.http.rate_limit_headers import get_rate_limits
from api.http.validation_messages import explain_validation_error
from domain import refusals
from domain.refusals import Invalid, Refusal, TooManyRequests
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

MAX_FIELD_LENGTH = 100
REFUSED_FIELDS = {
    "slot_not_offered": "start",
    "idempotency_key_reused": "Idempotency-Key",
    "proof_of_work_required": "proof_of_work",
    "mailed_code_required": "mailed_code",
    "mailed_code_wrong": "mailed_code",
    "not_the_recipient": "guest.email",
}
CODE_PATH_PREFIXES = ("/v1/book/", "/v1/manage/")  # what follows is a code, even with %2F in it
HTTP_CODES = {**USUAL_CODES, 405: "method_not_allowed"}
CODES = "x-codes"  # of a response, until the OpenAPI document is finished


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


class BadRequest(HTTPException):
    """A body that cannot be read as the contract's JSON, or a query with parameters that are not expected."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(422)
        self.errors = errors


def describe_problems(*statuses_or_codes: int | str) -> dict[int | str, dict[str, Any]]:
    """Describe the problem responses of a route in OpenAPI, each with its codes: a status stands for its usual code.

    `describe_problems(401, 404, 409, "slug_taken")` is refused: 409 and 410 have no usual code, their codes are named.
    Raises KeyError for such a status, and for a code that is not registered.
    """
    codes = [item if isinstance(item, str) else USUAL_CODES[item] for item in statuses_or_codes]
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        by_status.setdefault(ERROR_CODES[code].status, {"description": "", CODES: []})[CODES].append(code)
    return by_status


def build_problem_response(
    status: int, code: str, detail: str, errors: Sequence[FieldError] | None = None
) -> JSONResponse:
    """Build a problem response."""
    body: dict[str, Any] = {
        "type": f"urn:oncelink:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors is not None:
        body["errors"] = [error.model_dump() for error in errors]
    headers = {"Retry-After": "1"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def build_overloaded_response() -> JSONResponse:
    """Build the response to a request that is not begun, because too many are in progress."""
    return build_problem_response(503, "overloaded", "Too much is asked at once. Please try again.")


def handle_refusal(request: Request, error: Exception) -> JSONResponse:
    """Handle a refusal of the domain."""
    assert isinstance(error, Refusal)
    record_rate_limit(request, error)
    return build_refusal_response(error)


def build_refusal_response(error: Refusal) -> JSONResponse:
    """Build the response to a refusal of the domain."""
    if isinstance(error, Invalid):
        return build_invalid_response([FieldError(field=name, message=text) for name, text in error.errors.items()])
    status = REFUSAL_STATUSES[type(error)]
    errors = None
    if status == 422:
        errors = [FieldError(field=REFUSED_FIELDS[error.code], message=error.sentence)]
    return build_problem_response(status, error.code, error.sentence, errors)


def record_rate_limit(request: Request, refusal: Refusal) -> None:
    """Record a used-up quota for the header fields of the response; nothing for any other refusal."""
    if isinstance(refusal, TooManyRequests):
        get_rate_limits(request.scope).record_refusal(refusal)


def build_invalid_response(errors: Sequence[FieldError]) -> JSONResponse:
    """Build a 422 response from field errors."""
    detail = " ".join(f"{error.field}: {error.message}" for error in errors[:5])
    return build_problem_response(422, "invalid", detail, errors)


def handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    """Handle a body, query or header that fails Pydantic's validation."""
    assert isinstance(error, RequestValidationError)
    return build_invalid_response(
        [
            FieldError(field=format_field_name(item["loc"]), message=explain_validation_error(item))
            for item in error.errors()
        ]
    )


def format_field_name(location: Sequence[Any]) -> str:
    """Format a field's location: `guest.email`, `recipients.0.name`; the request part only when it stands alone."""
    segments = [str(segment)[:MAX_FIELD_LENGTH] for segment in location]
    return ".".join(segments[1:]) or segments[0]


def handle_bad_request(request: Request, error: Exception) -> JSONResponse:
    """Handle a body that is not strict JSON, or a query that is not strict."""
    assert isinstance(error, BadRequest)
    return build_invalid_response(error.errors)


def handle_http_error(request: Request, error: Exception) -> JSONResponse:
    """Handle what the framework refuses: unknown paths and methods."""
    assert isinstance(error, StarletteHTTPException)
    has_encoded_slash = b"%2f" in request.scope.get("raw_path", b"").lower()
    if error.status_code == 404 and has_encoded_slash and request.url.path.startswith(CODE_PATH_PREFIXES):
        return handle_refusal(request, refusals.LinkNotFound())
    code = HTTP_CODES.get(error.status_code, "bad_request")
    response = build_problem_response(error.status_code, code, f"{error.detail}.")
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers.update(build_allow_header(request))
    return response


def handle_database_away(request: Request, error: Exception) -> JSONResponse:
    """Handle a database that does not answer: log it, and ask the client to try again."""
    log.error("the database does not answer", exc_info=error)
    return handle_refusal(request, refusals.TryAgain())


def handle_disconnect(request: Request, error: Exception) -> Response:
    """Handle a client that left before its body was complete; this goes nowhere."""
    return Response(status_code=400)


def install_exception_handlers(app: FastAPI) -> None:
    """Register every exception handler."""
    app.add_exception_handler(ClientDisconnect, handle_disconnect)
    app.add_exception_handler(Refusal, handle_refusal)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(BadRequest, handle_bad_request)
    app.add_exception_handler(StarletteHTTPException, handle_http_error)
    app.add_exception_handler(DatabaseAway, handle_database_away)
