"""Erasing a guest's or recipient's personal details: POST /v1/erasures."""

from fastapi import APIRouter, Response

from api.http.dependencies import IdempotencyKey, Parts, Signed
from api.http.problem_details import answers
from api.http.responses import written_by
from api.http.strict_json import StrictRoute
from api.v1.request_bodies import WhomToErase
from api.v1.response_models import Erasure

router = APIRouter(prefix="/v1", tags=["Personal details"], route_class=StrictRoute)


@router.post(
    "/erasures",
    status_code=201,
    response_model=Erasure,
    responses=answers(401, 403, 413, 422, 503),
    operation_id="erase_personal_details",
)
def erase(parts: Parts, caller: Signed, key: IdempotencyKey, body: WhomToErase, response: Response) -> Erasure:
    """Erases everything that a guest or recipient of this address gave (admin).

    Names, addresses, notes, labels, metadata and reasons are deleted; bookings, their times and the log stay. What was
    given with another address is not found. Erasing an address of which there is nothing is 201 too, with `details` 0.
    """
    erased = parts.erasing.erase(caller.context, body.email, key)
    written_by(response, parts, erased.position, erased.replayed)
    return Erasure(id=erased.id, erased_at=erased.at, details=erased.details)
