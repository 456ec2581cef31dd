"""Builds URLs of the pages: the current URL with other parameters, and where to go after signing in."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from starlette.routing import Match

PAGING_PARAMETERS = ("cursor", "row")


def build_url(path: str, query: Mapping[str, object]) -> str:
    """Return a path with a query of those parameters that have a value: None, "" and False are left out."""
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    query_string = urlencode({name: value for name, value in texts.items() if value not in (None, "", "false")})
    return f"{path}?{query_string}" if query_string else path


def build_current_url(request: Request, **changes: object) -> str:
    """Return the current URL with some parameters changed (None removes one); paging starts at the first row."""
    parameters = {name: value for name, value in request.query_params.items() if name not in PAGING_PARAMETERS}
    return build_url(request.url.path, {**parameters, **changes})


def ensure_local_path(path: str | None) -> str:
    """Return a path of this site to go to, or `/` for anything that could lead to another site."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return "/"
    return path


def build_sign_in_url(request: Request) -> str:
    """Return the URL of the sign-in page that leads back to the requested page, or to the page of a form."""
    is_form = request.method != "GET" and not request.url.path.startswith("/sign-out")
    target = find_form_path(request) if is_form else join_url(request.url.path, request.url.query)
    next_page = f"next={quote(target, safe='/')}" if target != "/" and (is_form or request.method == "GET") else ""
    return join_url("/sign-in", "&".join(filter(None, [next_page, "unsaved=true" if is_form else ""])))


def find_form_path(request: Request) -> str:
    """Find the page of this site that a form was sent from, by the header `Referer`; else return `/`."""
    referrer = urlsplit(request.headers.get("referer", ""))
    scope = {**request.scope, "path": referrer.path, "method": "GET"}
    is_own_page = referrer.netloc == request.url.netloc and any(
        route.matches(scope)[0] is Match.FULL for route in request.app.router.routes
    )
    return ensure_local_path(join_url(referrer.path, referrer.query)) if is_own_page else "/"


def join_url(path: str, query: str) -> str:
    """Join a path and a query, if there is one."""
    return f"{path}?{query}" if query else path
