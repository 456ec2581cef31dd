"""Administration of read models: their progress, and rebuilding one."""

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page

router = APIRouter(prefix="/admin/read-models", include_in_schema=False, route_class=PageRoute)


@router.get("")
def show_read_models(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show all read models with their status (admin)."""
    viewer.require_any_role("admin")
    return render_page(request, "admin/read_models.html", models=services.read_model_watcher.load_statuses())


@router.post("/{name}/rebuild")
def rebuild_read_model(services: CurrentServices, viewer: Viewer, name: str) -> Response:
    """Start to rebuild a read model beside the live one (admin)."""
    viewer.require_any_role("admin")
    services.rebuilder.run_in_background(services.rebuilder.begin_rebuild(name))
    return redirect_to(
        "/admin/read-models", f"Building {name.replace('_', ' ')} again; it answers as before meanwhile."
    )
