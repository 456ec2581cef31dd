"""Builds URLs of the pages: the current URL with other parameters, and where to go after signing in."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from fastapi import Request

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
    """Return the URL of the sign-in page that leads back to the requested page."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if request.method != "GET" or target == "/" else f"/sign-in?next={quote(target, safe='/')}"
