"""Erasing a guest's or recipient's personal details: POST /v1/erasures."""

from fastapi import APIRouter, Request, Response

from api.http.auditing.recording import record_own_access
from api.http.dependencies import CurrentCaller, CurrentServices, IdempotencyKey
from api.http.problem_details import describe_problems
from api.http.responses import announce_write
from api.http.strict_json import StrictRoute
from api.v1.request_bodies import WhomToErase
from api.v1.response_models import Erasure

router = APIRouter(prefix="/v1", tags=["Personal details"], route_class=StrictRoute)


@router.post(
    "/erasures",
    status_code=201,
    response_model=Erasure,
    responses=describe_problems(401, 403, 413, 422, 503),
    operation_id="erase_personal_details",
)
def erase_personal_details(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    key: IdempotencyKey,
    body: WhomToErase,
    response: Response,
) -> Erasure:
    """Erases everything that a guest or recipient of this address gave (admin).

    Names, addresses, notes, labels, metadata and reasons are deleted; bookings, their times and the log stay. What was
    given with another address is not found. Erasing an address of which there is nothing is 201 too, with `details` 0.
    """
    erasure = services.erasure.erase_personal_details(caller.context, body.email, key)
    record_own_access(services, request, caller, "erasure", what="guest", rows=erasure.erased_details)
    announce_write(response, services, erasure.position, erasure.replayed)
    return Erasure(id=erasure.id, erased_at=erasure.at, details=erasure.erased_details)
