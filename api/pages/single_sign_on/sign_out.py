"""Signing out where the OpenID provider says so, and asking it to sign out too."""

import logging
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from api.http.access.entries import record_access
from api.http.dependencies import CurrentServices
from api.http.form_body import FormText
from api.http.rate_limiter import limit_provider_sign_ins
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.pages.single_sign_on.sign_in import get_provider
from api.services import Services
from integrations.identity.errors import SignInRefused
from integrations.identity.sign_in_request import CLOCK_SKEW, LOGOUT_TOKEN_LIFE
from store.credentials.encrypted_secrets import DecryptionFailed

log = logging.getLogger("oncelink")

router = APIRouter(prefix="/sign-in/oidc", include_in_schema=False, route_class=PageRoute)

LogoutToken = Annotated[str, Depends(FormText("logout_token", max_length=20_000))]


@router.post("/logout")
def end_sessions(request: Request, services: CurrentServices, logout_token: LogoutToken) -> Response:
    """End the sessions that the provider's logout token names (OpenID Connect Back-Channel Logout 1.0).

    The provider sends it, no browser: so no `Origin` is checked, the token's signature is.
    """
    provider, now = get_provider(services), services.clock()
    limit_provider_sign_ins(services, request, now)
    try:
        claims = provider.read_logout_token(logout_token)
    except SignInRefused as refusal:
        record_access(services, request, "sign_in_refused", reason=refusal.reason, way="oidc logout")
        return JSONResponse({"error": "invalid_request"}, 400, {"Cache-Control": "no-store"})
    person_ids = services.identities.end_sessions(
        logout_token, claims["iss"], claims.get("sub"), claims.get("sid"), now, now + LOGOUT_TOKEN_LIFE + 2 * CLOCK_SKEW
    )
    for person_id in sorted(set(person_ids)):
        record_access(services, request, "sign_out", None, person_id, way="oidc logout")
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


def render_signed_out(
    request: Request, services: Services, person_id: UUID, encrypted_id_token: bytes | None
) -> Response | None:
    """Render the page that leads on to the provider's own sign-out; None where there is nothing to sign out of."""
    provider = services.oidc_provider
    if provider is None or encrypted_id_token is None:
        return None
    try:
        id_token = services.id_token_cipher.decrypt_secret(person_id, encrypted_id_token)["id_token"]
    except DecryptionFailed:
        id_token = None
    try:
        url = provider.build_logout_url(id_token, f"{services.settings.base_url}/sign-in")
    except SignInRefused as refusal:
        log.warning("Signed out, and the OpenID provider could not be asked to do so too: %s", refusal.reason)
        return None
    if url is None:
        return None
    name = services.settings.oidc_provider_name
    return render_page(request, "sign_in/signed_out.html", url=url, provider=name)
