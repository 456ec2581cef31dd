"""Administration of mail: the mail server, and the mails that were not sent."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import CurrentServices
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListPageQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.settings import Settings
from api.v1.unsent_mail import request_unsent_mails
from integrations.mail.smtp_url import parse_smtp_url
from projections import meeting_log, outbox, outbox_backlog
from projections.meeting_log import BookingRow
from replay.history.phrases import FAILURES

router = APIRouter(prefix="/admin/mail", include_in_schema=False, route_class=PageRoute)


@router.get("", dependencies=[WaitsForPosition])
def show_mail(
    request: Request, services: CurrentServices, viewer: Viewer, query: Annotated[ListPageQuery, Query()]
) -> Response:
    """Show the mail server, and the mails that were not sent (admin)."""
    viewer.require_any_role("admin")
    page = outbox_backlog.list_unsent_mails(services.live_source, viewer.context.now, cursor=query.cursor)
    return render_page(
        request,
        "admin/mail.html",
        page=page,
        row=query.row,
        meetings=load_meetings(services, page.items),
        failures=FAILURES,
        method=services.settings.mail_method,
        server=describe_server(services.settings),
        sender=services.settings.mail_from,
        outbox_workers=services.settings.couriers,
    )


@router.post("/send-again")
def send_all_again(services: CurrentServices, viewer: Viewer) -> Response:
    """Send again what was given up (admin)."""
    viewer.require_any_role("admin")
    requested, position = request_unsent_mails(services, viewer.context)
    services.announce_append()
    count = requested.requested
    sentence = f"{count} mail{' goes' if count == 1 else 's go'} out again in a moment."
    more = " There are more: press the button again." if requested.has_more else ""
    return redirect_to("/admin/mail", f"{sentence}{more}" if count else "There is nothing to send again.", position)


def load_meetings(services: Services, mails: list[outbox.OutboxRow]) -> dict[UUID, BookingRow]:
    """Load the meetings that mails are about, by id."""
    ids = list({mail["booking_id"] for mail in mails})
    return {meeting["booking_id"]: meeting for meeting in meeting_log.find_meetings(services.live_source, ids)}


def describe_server(settings: Settings) -> str | None:
    """Describe the mail server by host and port, without user and password; None when there is none."""
    if settings.mail_method != "smtp":
        return None
    url = parse_smtp_url(settings.smtp_url)
    return f"{url.host}:{url.port}"
