"""What the pages are made of besides HTML: files under `/static/{hash of all files}/…`, which never change."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from api.web_files import STATIC

router = APIRouter(include_in_schema=False)

APART = "docs"  # the page of the API has files of its own, and a route of its own
KINDS = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
NOT_KEPT = {"Cache-Control": "no-cache"}  # asked for by a page of another version of the service


@dataclass(frozen=True)
class Collection:
    """All files, by their path below the folder, and one hash over all of them."""

    contents: dict[str, bytes]
    version: str


@cache
def collection() -> Collection:
    """The files, read once."""
    paths = sorted(path for path in STATIC.rglob("*") if path.is_file())
    names = {path.relative_to(STATIC).as_posix(): path for path in paths}
    contents = {name: path.read_bytes() for name, path in names.items() if not name.startswith(f"{APART}/")}
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return Collection(contents, digest.hexdigest()[:12])


def static(name: str) -> str:
    """The address of a file, its content's hash in it; a file that is not there is a mistake of ours: KeyError."""
    found = collection()
    if name not in found.contents:
        raise KeyError(name)
    return f"/static/{found.version}/{name}"


@router.get("/static/{version}/{name:path}")
def part(version: str, name: str) -> Response:
    """A file, kept by browsers for ever where the address has the hash of what is sent."""
    found = collection()
    if name not in found.contents:
        raise HTTPException(404)
    kind = KINDS.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    return Response(found.contents[name], media_type=kind, headers=FOR_EVER if version == found.version else NOT_KEPT)


@router.get("/favicon.ico")
def favicon() -> Response:
    """The mark, for browsers that look for it here."""
    return Response(
        collection().contents["mark.svg"], media_type=KINDS[".svg"], headers={"Cache-Control": "max-age=3600"}
    )
