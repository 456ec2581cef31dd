"""The page that `/` leads to: where most of a person's work is."""

from collections.abc import Set

from fastapi import APIRouter, Response

from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to

router = APIRouter(include_in_schema=False, route_class=PageRoute)

# the first role that a person has decides: who hosts meetings comes for links first, whatever else they may read
LANDING_PATHS = (("member", "/links"), ("auditor", "/history"), ("analyst", "/usage"))


@router.get("/")
def redirect_to_start(viewer: Viewer) -> Response:
    """Redirect to where most of the viewer's work is."""
    return redirect_to(find_landing_path(viewer.context.roles))


def find_landing_path(roles: Set[str]) -> str:
    """Return the page of the first role that a person has: My Links, History or Usage."""
    return next(path for role, path in LANDING_PATHS if role in roles)
