"""What people were told of a booking, for the people of the organisation, and telling it again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel

from api.clock import now
from api.http.dependencies import Id, Parts, Signed
from api.http.problem_details import answers
from api.http.responses import changed, shape
from api.http.strict_json import StrictRoute
from api.http.validation_messages import known_id
from api.services import Oncelink
from api.v1.bookings import refuse_unless_seen
from api.v1.response_models import Named, PageOf
from domain.token import Token
from projections import outbox

router = APIRouter(prefix="/v1/bookings", tags=["Bookings"], route_class=StrictRoute)


class ToldMail(BaseModel):
    """What somebody was, or is to be, told of a booking; `person` is null for the guest.

    `owed`: it goes out, at `due_at` if it failed before. `failed`: it was given up. `superseded`: a later one took its
    place. `erased`: its guest's details were. `lapsed`: the meeting was over before it could go out. `before`: it
    happened before mails were sent.
    """

    id: UUID
    booking_id: UUID
    what: str
    channel: str
    to: Literal["guest", "host", "co_host", "former_host"]
    person: Named | None
    state: Literal["owed", "sent", "failed", "superseded", "erased", "lapsed", "before"]
    attempts: int
    failure: str | None
    caused_at: datetime
    told_at: datetime | None
    due_at: datetime


async def mail_id_in_path(
    mail_id: Annotated[str, Path(description="The id of a mail.", json_schema_extra={"format": "uuid"})],
) -> UUID:
    """The `{mail_id}` of a path. Raises NotFound."""
    return known_id(mail_id)


MailId = Annotated[UUID, Depends(mail_id_in_path)]


@router.get("/{id}/mail", response_model=PageOf[ToldMail], responses=answers(401, 404, 503))
def list_mail(parts: Parts, caller: Signed, id: Id) -> dict[str, Any]:
    """What everybody was, or is to be, told of a booking, the latest first; always current."""
    refuse_unless_seen(parts, caller, parts.scheduling.get(Token, id))
    return {"items": told(parts, id), "next_cursor": None}


@router.post(
    "/{id}/mail/{mail_id}/send-again",
    response_model=ToldMail,
    responses=answers(401, 403, 404, 409, 413, 422, 503),
    operation_id="send_mail_again",
)
def send_again(parts: Parts, caller: Signed, id: Id, mail_id: MailId, response: Response) -> ToldMail:
    """Sends a mail again, as a new one, for who may change the booking.

    That is its host, co-hosts, the link's owner and managers. One that is still owed stays so.
    """
    parts.scheduling.booking_to_change(caller.context, id)
    changed(response, parts, parts.tellings.send_again(caller.context, id, mail_id))
    return shape(ToldMail, next(row for row in told(parts, id) if row["id"] == mail_id))


def told(parts: Oncelink, id: UUID) -> list[outbox.OutboxRow]:
    """What the log says of the mails of a booking."""
    return outbox.of_booking(parts.from_log(), id, now())
