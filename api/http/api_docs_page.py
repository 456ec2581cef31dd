"""The OpenAPI document as a page at `/docs`: Swagger UI from our own files, and nothing from another origin."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from api.web_files import STATIC

router = APIRouter(include_in_schema=False)

FOLDER = STATIC / "docs"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Oncelink API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; the document itself is <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/static/docs/swagger-ui-bundle.js"></script>
<script src="/static/docs/start.js"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
KEPT = {"Cache-Control": "public, max-age=3600"}
KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}


@router.get("/docs")
def page() -> HTMLResponse:
    """The page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/static/docs/{name}")
def part(name: str) -> Response:
    """A file that the page is made of, and no other."""
    kind = KINDS.get(name)
    if kind is None:
        raise HTTPException(404)
    return Response((FOLDER / name).read_bytes(), media_type=kind, headers=KEPT)
