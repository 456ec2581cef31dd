"""Who looks at a page: somebody signed in by the session cookie; and lists that have what they just wrote."""

import re
from typing import Annotated

from fastapi import Depends, Request

from api.http.dependencies import Caller, Parts, by_session
from api.pages.rendering.flash_messages import POSITION


def viewer(request: Request, parts: Parts) -> Caller:
    """Who is signed in. Raises Unauthorized, ForeignOrigin."""
    found = by_session(request, parts)
    request.state.viewer = found
    return found


Viewer = Annotated[Caller, Depends(viewer)]


async def caught_up(request: Request, parts: Parts) -> None:
    """Lets a page with a list wait for what its reader just wrote; if that takes too long the page says so itself."""
    wanted = request.cookies.get(POSITION, "")
    if re.fullmatch(r"[0-9]{1,18}", wanted):
        request.state.behind = not await parts.waiting.reached(int(wanted))


CaughtUp = Depends(caught_up)
