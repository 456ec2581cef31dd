"""Connecting the Chrome extension: its person agrees on a page, and a one-time code is exchanged for a limited key."""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.clock import now
from api.http.api_key_scopes import EXTENSION, PAIRING_PATH
from api.http.dependencies import Parts
from api.http.strict_json import StrictRoute
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render
from api.pages.settings.settings import keys_of
from api.services import Oncelink
from domain.person import Person
from domain.refusals import ForeignOrigin, Invalid, Unauthorized
from store.credentials.pairings import Asked

router = APIRouter(prefix="/settings/extension", include_in_schema=False, route_class=PageRoute)
exchange_router = APIRouter(include_in_schema=False, route_class=StrictRoute)

NAME = "Chrome extension"
SECRET = r"^[A-Za-z0-9_-]{43}$"  # noqa: S105, the form of one: 256 bits in base64url
Text = Annotated[str, Query(max_length=100)]
Typed = Annotated[str, Form(max_length=100)]


class Exchange(BaseModel):
    """What the extension sends: the code from the page, and the verifier that it kept to itself."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(pattern=SECRET)
    verifier: str = Field(pattern=SECRET)


@router.get("")
def ask(request: Request, parts: Parts, viewer: Viewer, extension: Text = "", challenge: Text = "") -> Response:
    """Asks whether to connect the extension that led here; without one, says how to connect it."""
    if not (extension or challenge):
        return page(request, parts, viewer)
    viewer.require("member")
    asked(parts, extension, challenge)
    return page(request, parts, viewer, wanted={"extension": extension, "challenge": challenge})


@router.post("")
def approve(request: Request, parts: Parts, viewer: Viewer, extension: Typed = "", challenge: Typed = "") -> Response:
    """Makes the one-time code, which the extension reads from this page."""
    viewer.require("member")
    code = parts.pairings.approve(viewer.person.id, asked(parts, extension, challenge), viewer.context.now)
    return page(request, parts, viewer, code=code, status=201)


@exchange_router.post(PAIRING_PATH, status_code=201)
def exchange(request: Request, parts: Parts, body: Exchange, response: Response) -> dict[str, Any]:
    """Hands the key over to the extension that asked, once. Raises ForeignOrigin, Invalid, Unauthorized."""
    origin = request.headers.get("Origin", "")
    if origin not in parts.settings.extensions:
        raise ForeignOrigin
    paired = parts.pairings.exchange(body.code, Asked(origin, challenge_of(body.verifier)), NAME, EXTENSION, now())
    if paired is None:
        raise Invalid("code", "This code was used or is too old. Please connect again.")
    parts.pairings.forget(now())
    response.headers["Cache-Control"] = "no-store"
    person = parts.staffing.get(Person, paired.person_id)
    if not person.active:  # deactivated since agreeing: coming back must not bring this key along
        parts.keys.delete(paired.id, person.id)
        raise Unauthorized
    whose = {"id": person.id, "name": person.properties.name, "email": person.properties.email}
    return {"id": paired.id, "key": paired.key, "expires_at": paired.expires_at, "person": whose}


def asked(parts: Oncelink, extension: str, challenge: str) -> Asked:
    """Which extension asks. Raises Invalid for one that is not on the list, or a challenge that is none."""
    origin = f"chrome-extension://{extension}"
    if origin not in parts.settings.extensions:
        raise Invalid("extension", "This server does not know that extension. Its operator can allow it.")
    if not re.fullmatch(SECRET, challenge):
        raise Invalid("challenge", "Please connect again, from the extension.")
    return Asked(origin, challenge)


def challenge_of(verifier: str) -> str:
    """What the extension said of its verifier when it asked: SHA-256, as PKCE has it (RFC 7636, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def page(
    request: Request,
    parts: Oncelink,
    viewer: Viewer,
    wanted: dict[str, str] | None = None,
    code: str | None = None,
    status: int = 200,
) -> Response:
    """The page of the extension: the question, the code, or how it is connected."""
    keys = [key for key in keys_of(parts, viewer.person.id) if key["scope"] == EXTENSION]
    return render(request, "settings/extension.html", status, wanted=wanted, code=code, keys=keys)
