"""The methods of a path, for `Allow` (RFC 9110, 10.2.1): of all its routes, while a router names those of one."""

from fastapi import Request, Response
from starlette.routing import Match


def build_allow_header(request: Request) -> dict[str, str]:
    """Build the field `Allow` for the path of a request; HEAD is answered wherever GET is, OPTIONS everywhere."""
    methods = {"OPTIONS"}
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods.update(route.methods or ())
    if "GET" in methods:
        methods.add("HEAD")
    return {"Allow": ", ".join(sorted(methods))}


def answer_options(request: Request) -> Response:
    """Answer OPTIONS for a path that has routes (RFC 9110, 9.3.7)."""
    return Response(status_code=204, headers=build_allow_header(request))
