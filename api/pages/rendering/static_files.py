"""Static files of the pages, under `/static/{hash of all files}/…`, which never change."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from api.web_files import STATIC

router = APIRouter(include_in_schema=False)

DOCS_FOLDER = "docs"  # the API documentation page has its own files and route
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
IMMUTABLE_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}
NO_CACHE_HEADERS = {"Cache-Control": "no-cache"}  # requested by a page of another version of the service


@dataclass(frozen=True)
class StaticFileSet:
    """The content of all files by their path below the folder, and one hash over all of them."""

    contents: dict[str, bytes]
    version: str


@cache
def load_files() -> StaticFileSet:
    """Read all files, once."""
    paths = sorted(path for path in STATIC.rglob("*") if path.is_file())
    names = {path.relative_to(STATIC).as_posix(): path for path in paths}
    contents = {name: path.read_bytes() for name, path in names.items() if not name.startswith(f"{DOCS_FOLDER}/")}
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return StaticFileSet(contents, digest.hexdigest()[:12])


def build_static_url(name: str) -> str:
    """Return the URL of a file, which includes the hash of all files. Raises KeyError for an unknown file."""
    file_set = load_files()
    if name not in file_set.contents:
        raise KeyError(name)
    return f"/static/{file_set.version}/{name}"


@router.get("/static/{version}/{name:path}")
def serve_file(version: str, name: str) -> Response:
    """Serve a file; browsers cache it for ever if the URL has the current hash."""
    file_set = load_files()
    if name not in file_set.contents:
        raise HTTPException(404)
    media_type = MEDIA_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    return Response(
        file_set.contents[name],
        media_type=media_type,
        headers=IMMUTABLE_HEADERS if version == file_set.version else NO_CACHE_HEADERS,
    )


@router.get("/favicon.ico")
def serve_favicon() -> Response:
    """Serve the icon to browsers that look for it here."""
    return Response(
        load_files().contents["mark.svg"], media_type=MEDIA_TYPES[".svg"], headers={"Cache-Control": "max-age=3600"}
    )
