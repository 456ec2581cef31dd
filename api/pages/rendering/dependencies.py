"""Dependencies of pages: the viewer, signed in by the session cookie, and waiting for the viewer's last change."""

import re
from typing import Annotated

from fastapi import Depends, Request

from api.http.dependencies import Caller, CurrentServices, authenticate_session
from api.http.read_capacity import leave_read_slot
from api.pages.rendering.flash_messages import POSITION_COOKIE


def load_viewer(request: Request, services: CurrentServices) -> Caller:
    """Return who is signed in. Raises Unauthorized, ForeignOrigin."""
    caller = authenticate_session(request, services)
    request.state.viewer = caller
    return caller


Viewer = Annotated[Caller, Depends(load_viewer)]


async def wait_for_position(request: Request, services: CurrentServices) -> None:
    """Wait until the read models have the viewer's last change; if that takes too long, the page says so."""
    position = request.cookies.get(POSITION_COOKIE, "")
    if re.fullmatch(r"[0-9]{1,18}", position):
        async with leave_read_slot(request):
            request.state.behind = not await services.position_waiter.wait_for_position(int(position))


WaitsForPosition = Depends(wait_for_position)
