"""Mails that were not sent, for admins: /v1/unsent-mail."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.responses import announce_change
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.booking_notifications import ToldMail
from api.v1.response_models import PageOf
from domain.event import Context
from domain.refusals import NotFound, NothingToSend
from projections import outbox, outbox_backlog

router = APIRouter(prefix="/v1/unsent-mail", tags=["Bookings"], route_class=StrictRoute)

MAX_REQUESTS = 100  # at once; each is an append of its own


class RequestedMails(BaseModel):
    """How many mails were asked for again, and whether more are left."""

    requested: int = Field(ge=0, le=MAX_REQUESTS)
    has_more: bool


@router.get(
    "",
    response_model=PageOf[ToldMail],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 422, 503),
    operation_id="list_unsent_mail",
)
def list_unsent_mail(
    services: CurrentServices, caller: CurrentCaller, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Mails about meetings to come that were not sent, the soonest meeting first (admin).

    `failure` says why: `no_mail_server` while none is set. One whose `state` is `owed` is tried again by itself.
    """
    caller.require_any_role("admin")
    page = outbox_backlog.list_unsent_mails(services.live_source, services.clock(), limit, cursor)
    return {"items": page.items, "next_cursor": page.next_cursor}


@router.post(
    "/send-again",
    response_model=RequestedMails,
    responses=describe_problems(401, 403, 413, 422, 503),
    operation_id="send_unsent_mail_again",
)
def send_unsent_mail_again(services: CurrentServices, caller: CurrentCaller, response: Response) -> RequestedMails:
    """Send again what was given up (admin).

    At most 100 mails at once: repeat it while `has_more` is true.
    """
    caller.require_any_role("admin")
    requested, position = request_unsent_mails(services, caller.context)
    announce_change(response, services, position)
    return requested


def request_unsent_mails(services: Services, context: Context) -> tuple[RequestedMails, int | None]:
    """Ask for mails that were given up to be sent again; returns how many, and the position of the last request."""
    requested_count, position, cursor = 0, None, None
    while True:
        page = outbox_backlog.list_unsent_mails(services.live_source, services.clock(), MAX_REQUESTS, cursor)
        for row in page.items:
            if requested_count == MAX_REQUESTS:
                return RequestedMails(requested=requested_count, has_more=True), position
            if row["state"] == "failed" and (at := request_again(services, context, row)) is not None:
                requested_count, position = requested_count + 1, at
        cursor = page.next_cursor
        if cursor is None:
            return RequestedMails(requested=requested_count, has_more=False), position


def request_again(services: Services, context: Context, row: outbox.OutboxRow) -> int | None:
    """Ask for one mail to be sent again; None when it needs none any more."""
    try:
        return services.notifications.request_resend(context, row["booking_id"], row["id"])
    except (NothingToSend, NotFound):  # the log is newer than the list
        return None
