"""The API's documentation page at `/docs`: Swagger UI from our own files."""

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
CACHE_HEADERS = {"Cache-Control": "public, max-age=3600"}
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}


@router.get("/docs")
def get_docs_page() -> HTMLResponse:
    """Serve the page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/static/docs/{name}")
def get_docs_file(name: str) -> Response:
    """Serve a file of the page. Raises HTTPException 404 for any other."""
    media_type = MEDIA_TYPES.get(name)
    if media_type is None:
        raise HTTPException(404)
    return Response((FOLDER / name).read_bytes(), media_type=media_type, headers=CACHE_HEADERS)
