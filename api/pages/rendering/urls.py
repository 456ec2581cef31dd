"""Addresses of our own pages: the one that is looked at with other filters, and where to go on after signing in."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from fastapi import Request

PAGING = ("cursor", "row")


def with_query(path: str, query: Mapping[str, object]) -> str:
    """A path with those parameters that have a value."""
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    text = urlencode({name: value for name, value in given.items() if value not in (None, "", "false")})
    return f"{path}?{text}" if text else path


def here(request: Request, **changes: object) -> str:
    """The page that is looked at with some parameters changed (None leaves one out), from its first row on."""
    kept = {name: value for name, value in request.query_params.items() if name not in PAGING}
    return with_query(request.url.path, {**kept, **changes})


def local(path: str | None) -> str:
    """A page of ours to go on to; the first page instead of anything that could lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return "/"
    return path


def sign_in_first(request: Request) -> str:
    """The sign-in page that leads back to the page asked for."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if request.method != "GET" or wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}"
