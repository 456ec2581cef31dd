"""The notifications of a booking, and sending a mail again: /v1/bookings/{id}/mail."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel

from api.http.dependencies import CurrentCaller, CurrentServices, Id
from api.http.problem_details import describe_problems
from api.http.responses import announce_change
from api.http.strict_json import StrictRoute
from api.http.validation_messages import parse_id
from api.services import Services
from api.v1.bookings import refuse_unless_visible
from api.v1.response_models import PageOf
from domain.token import Token
from projections import outbox
from projections.queries.name_lookups import Named

router = APIRouter(prefix="/v1/bookings", tags=["Bookings"], route_class=StrictRoute)


class ToldMail(BaseModel):
    """What somebody was, or is to be, told of a booking; `person` is null for the guest.

    `owed`: it goes out, at `due_at` if it failed before. `scheduled`: a reminder or follow-up that is not due yet.
    `failed`: it was given up. `superseded`: a later one took its place. `erased`: its guest's details were. `lapsed`:
    it was of no use any more before it could go out. `before`: it happened before mails were sent. Of an invitation,
    `booking_id` is its own id, and `to` is `person`. `offset_minutes` is how long a reminder is before the start (less
    than 0), or the follow-up after the end; null for other mails.
    """

    id: UUID
    booking_id: UUID
    what: str
    channel: str
    to: Literal["guest", "host", "co_host", "former_host", "person", "recipient"]
    person: Named | None
    offset_minutes: int | None
    state: Literal["owed", "scheduled", "sent", "failed", "superseded", "erased", "lapsed", "before"]
    attempts: int
    failure: str | None
    caused_at: datetime
    told_at: datetime | None
    due_at: datetime


async def parse_mail_id(
    mail_id: Annotated[str, Path(description="The id of a mail.", json_schema_extra={"format": "uuid"})],
) -> UUID:
    """Parse the path parameter `{mail_id}`. Raises NotFound."""
    return parse_id(mail_id)


MailId = Annotated[UUID, Depends(parse_mail_id)]


@router.get("/{id}/mail", response_model=PageOf[ToldMail], responses=describe_problems(401, 404, 503))
def list_mail(services: CurrentServices, caller: CurrentCaller, id: Id) -> dict[str, Any]:
    """What everybody was, or is to be, told of a booking, the latest first; always current.

    `state` says whether it went out. It holds no text of a mail and no address.
    """
    refuse_unless_visible(services, caller, services.scheduling.load_aggregate(Token, id))
    return {"items": load_notifications(services, id), "next_cursor": None}


@router.post(
    "/{id}/mail/{mail_id}/send-again",
    response_model=ToldMail,
    responses=describe_problems(401, 403, 404, "nothing_to_send", 413, 422, 503),
    operation_id="send_mail_again",
)
def send_mail_again(
    services: CurrentServices, caller: CurrentCaller, id: Id, mail_id: MailId, response: Response
) -> outbox.OutboxRow:
    """Sends a mail again, as a new one, for who may change the booking.

    That is its host, co-hosts, the link's owner and managers. One that is still owed stays so.
    """
    services.scheduling.load_booking_to_change(caller.context, id)
    announce_change(response, services, services.notifications.request_resend(caller.context, id, mail_id))
    return next(row for row in load_notifications(services, id) if row["id"] == mail_id)


def load_notifications(services: Services, id: UUID) -> list[outbox.OutboxRow]:
    """Load the notifications of a booking from the log."""
    return outbox.list_booking_notifications(services.from_log(), id, services.clock())
