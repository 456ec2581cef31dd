"""Pairing of the Chrome extension: its person agrees on a page; a one-time code is exchanged for a limited key."""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.access.entries import record_access
from api.http.api_key_scopes import EXTENSION, PAIRING_PATH
from api.http.dependencies import CurrentServices
from api.http.form_body import FormText
from api.http.strict_json import StrictRoute
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.pages.settings.settings import list_keys
from api.services import Services
from domain.person import Person
from domain.refusals import ForeignOrigin, Invalid, Unauthorized
from store.credentials.pairings import PairingRequest

router = APIRouter(prefix="/settings/extension", include_in_schema=False, route_class=PageRoute)
exchange_router = APIRouter(include_in_schema=False, route_class=StrictRoute)

KEY_NAME = "Chrome extension"
SECRET_PATTERN = r"^[A-Za-z0-9_-]{43}$"  # noqa: S105, a pattern: 256 bits in base64url
QueryText = Annotated[str, Query(max_length=100)]
ExtensionText = Annotated[str, Depends(FormText("extension", max_length=100))]
ChallengeText = Annotated[str, Depends(FormText("challenge", max_length=100))]


class PairingExchange(BaseModel):
    """What the extension sends: the code from the page, and the PKCE verifier."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(pattern=SECRET_PATTERN)
    verifier: str = Field(pattern=SECRET_PATTERN)


@router.get("")
def show_pairing(
    request: Request, services: CurrentServices, viewer: Viewer, extension: QueryText = "", challenge: QueryText = ""
) -> Response:
    """Ask whether to connect the extension that led here; without one, explain how to connect it."""
    if not (extension or challenge):
        return render_pairing(request, services, viewer)
    viewer.require_any_role("member")
    parse_pairing_request(services, extension, challenge)
    return render_pairing(request, services, viewer, pairing_request={"extension": extension, "challenge": challenge})


@router.post("")
def approve_pairing(
    request: Request, services: CurrentServices, viewer: Viewer, extension: ExtensionText, challenge: ChallengeText
) -> Response:
    """Create the one-time code, which the extension reads from this page."""
    viewer.require_any_role("member")
    code = services.pairings.approve_pairing(
        viewer.person.id, parse_pairing_request(services, extension, challenge), viewer.context.now
    )
    return render_pairing(request, services, viewer, code=code, status=201)


@exchange_router.post(PAIRING_PATH, status_code=201)
def exchange_code(request: Request, services: CurrentServices, body: PairingExchange) -> dict[str, Any]:
    """Return the key to the extension that has the code, once. Raises ForeignOrigin, Invalid, Unauthorized."""
    origin = request.headers.get("Origin", "")
    if origin not in services.settings.extensions:
        raise ForeignOrigin
    pairing = services.pairings.exchange_code(
        body.code, PairingRequest(origin, derive_challenge(body.verifier)), KEY_NAME, EXTENSION, services.clock()
    )
    if pairing is None:
        raise Invalid("code", "This code was used or is too old. Please connect again.")
    services.pairings.delete_expired_codes(services.clock())
    person = services.administration.load_aggregate(Person, pairing.person_id)
    if not person.active or person.has_left_since(pairing.approved_at):  # coming back must not bring this key along
        services.api_keys.delete_key(pairing.id, person.id)
        raise Unauthorized
    record_access(services, request, "key_made", person.id, person.id, None, key=str(pairing.id), way="extension")
    person_data = {"id": person.id, "name": person.properties.name, "email": person.properties.email}
    return {"id": pairing.id, "key": pairing.key, "expires_at": pairing.expires_at, "person": person_data}


def parse_pairing_request(services: Services, extension: str, challenge: str) -> PairingRequest:
    """Return the pairing request. Raises Invalid for an extension that is not allowed or a malformed challenge."""
    origin = f"chrome-extension://{extension}"
    if origin not in services.settings.extensions:
        raise Invalid("extension", "This server does not know that extension. Its operator can allow it.")
    if not re.fullmatch(SECRET_PATTERN, challenge):
        raise Invalid("challenge", "Please connect again, from the extension.")
    return PairingRequest(origin, challenge)


def derive_challenge(verifier: str) -> str:
    """Return the PKCE challenge of a verifier: base64url of its SHA-256 (RFC 7636, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def render_pairing(
    request: Request,
    services: Services,
    viewer: Viewer,
    pairing_request: dict[str, str] | None = None,
    code: str | None = None,
    status: int = 200,
) -> Response:
    """Render the page of the extension: the question, the code, or how it is connected."""
    keys = [key for key in list_keys(services, viewer.person.id) if key["scope"] == EXTENSION]
    return render_page(request, "settings/extension.html", status, wanted=pairing_request, code=code, keys=keys)
