"""What a single-use link is shared by: its QR code, and a snippet for an e-mail with three free times."""

import io
from datetime import timedelta
from html import escape
from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Query, Request, Response

from api.field_types import TimeZone
from api.http.dependencies import Caller, CurrentServices, Id
from api.pages.links.single_use_link import TokenId, load_single_use_row
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.urls import build_url
from api.services import Services
from domain.availability.hours import Interval, load_zone
from domain.commands.booking_request import BookingTarget
from domain.refusals import Forbidden
from integrations.date_formats import choose_date_format
from integrations.time_zone_names import format_zone

router = APIRouter(prefix="/links/{id}/single-use", include_in_schema=False, route_class=PageRoute)

MAX_TIMES = 3
LOOK_AHEAD = timedelta(days=62)
MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
Zone = Annotated[TimeZone | None, Query()]


@router.get("/{token}/qr.{kind}")
def show_qr_code(
    services: CurrentServices, viewer: Viewer, id: Id, token: TokenId, kind: Literal["svg", "png"], download: str = ""
) -> Response:
    """Draw the QR code of a single-use link, for whoever issued it: black on white, with its quiet zone."""
    url = load_own_url(services, viewer, load_single_use_row(services, viewer, id, token))
    image = io.BytesIO()
    segno.make(url, error="m", micro=False).save(image, kind=kind, scale=8, border=4, light="#fff")
    headers = {"Content-Disposition": f'attachment; filename="single-use-link.{kind}"'} if download else {}
    return Response(image.getvalue(), media_type=MEDIA_TYPES[kind], headers={"Cache-Control": "no-store", **headers})


@router.get("/{token}/snippet")
def show_snippet(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, token: TokenId, time_zone: Zone = None
) -> dict[str, str]:
    """Write a snippet for an e-mail, as HTML and as plain text: the link, and free times that open it preselected."""
    row = load_single_use_row(services, viewer, id, token)
    url = load_own_url(services, viewer, row)
    _, offer = services.scheduling.resolve_target(BookingTarget(token_id=token))
    now = viewer.context.now
    offer.refuse_if_closed(now)
    runs = services.scheduling.list_runs(offer, Interval(now, now + LOOK_AHEAD), now)
    starts = sorted(start for run in runs[: MAX_TIMES * 4] for start in run.list_starts()[:MAX_TIMES])[:MAX_TIMES]
    zone_name = time_zone or offer.hosts[0].properties.time_zone
    zone, formats = load_zone(zone_name), choose_date_format(request.headers.get("accept-language"))
    times = [
        (
            f"{formats.format_day(start.astimezone(zone).date())}, {formats.format_time(start, zone)}",
            build_url(url, {"time_zone": zone_name, "start": start.isoformat().replace("+00:00", "Z")}),
        )
        for start in starts
    ]
    return render_snippet(row["meeting_type"]["name"], url, times, format_zone(zone_name, starts[0]) if starts else "")


def load_own_url(services: Services, viewer: Caller, row: dict[str, Any]) -> str:
    """Return the URL of a single-use link. Raises Forbidden for whoever did not issue it."""
    if row["url"] is None:
        raise Forbidden
    return str(row["url"])


def render_snippet(name: str, url: str, times: list[tuple[str, str]], zone: str) -> dict[str, str]:
    """Render the snippet; both forms say the same."""
    lead = f"Would one of these times suit you ({zone})?" if times else "Please choose a time that suits you."
    items = "".join(f'<li><a href="{escape(link)}">{escape(label)}</a></li>' for label, link in times)
    other = f"All times for {name}"
    html = f"<p>{escape(lead)}</p>{f'<ul>{items}</ul>' if items else ''}"
    lines = [lead, *(f"- {label}: {link}" for label, link in times), f"{other}: {url}"]
    return {"html": f'{html}<p><a href="{escape(url)}">{escape(other)}</a></p>', "text": "\n".join(lines)}
