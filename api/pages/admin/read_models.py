"""Administration of read models: how far each is, and building one again, with its progress."""

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Parts
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render

router = APIRouter(prefix="/admin/read-models", include_in_schema=False, route_class=PageRoute)


@router.get("")
def read_models(request: Request, parts: Parts, viewer: Viewer) -> Response:
    """All read models as they stand."""
    viewer.require("admin")
    return render(request, "admin/read_models.html", models=parts.watching.now())


@router.post("/{name}/rebuild")
def rebuild(parts: Parts, viewer: Viewer, name: str) -> Response:
    """Begins to build a read model again, beside the live one."""
    viewer.require("admin")
    parts.rebuilder.go_on(parts.rebuilder.begin(name))
    return go_on("/admin/read-models", f"Building {name.replace('_', ' ')} again; it answers as before meanwhile.")
