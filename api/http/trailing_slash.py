"""Redirects between a path with and without a trailing slash, to a path of this site, whatever `Host` says."""

from urllib.parse import quote

from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.routing import Match, Router
from starlette.types import Receive, Scope, Send


class TrailingSlashRedirect:
    """What a router calls for a path that no route has. Starlette's own redirect repeats the request's `Host`."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self.find_other_path(scope) if scope["type"] == "http" else None
        if path is None:
            await self.router.not_found(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        location = f"{quote(path, safe='/')}?{query}" if query else quote(path, safe="/")
        await RedirectResponse(location, 307)(scope, receive, send)

    def find_other_path(self, scope: Scope) -> str | None:
        """Find the path with, or without, a slash at its end, if a route has it. None for what could name a host."""
        path: str = scope["path"]
        other_path = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if other_path in ("", "/") or other_path.startswith("//"):
            return None
        other_scope = {**scope, "path": other_path}
        is_known = any(route.matches(other_scope)[0] is not Match.NONE for route in self.router.routes)
        return other_path if is_known else None


def redirect_within_site(app: FastAPI) -> None:
    """Make an application, built with `redirect_slashes=False`, redirect to its own paths only."""
    app.router.default = TrailingSlashRedirect(app.router)
