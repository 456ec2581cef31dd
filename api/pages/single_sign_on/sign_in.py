"""Signing in through the organisation's OpenID provider: there, and back with a code."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.http.access.entries import record_access
from api.http.dependencies import SESSION_COOKIE, CurrentServices
from api.http.rate_limiter import limit_provider_sign_ins
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import ensure_local_path
from api.pages.single_sign_on.joining import find_or_join_person
from api.pages.single_sign_on.request_cookie import (
    BegunSignIn,
    name_cookie,
    read_request_cookie,
    set_request_cookie,
)
from api.pages.start.welcome import build_first_path
from api.services import Services
from domain.refusals import NotFound
from integrations.identity.errors import (
    ProviderAway,
    ProviderRefused,
    SignInAbandoned,
    SignInRefused,
    WrongClaim,
    WrongProviderAnswer,
)
from integrations.identity.sign_in_request import SignedIn, begin_request
from store.credentials.identities import Identity
from store.credentials.sessions import SESSION_LIFETIME, ProviderSession

if TYPE_CHECKING:
    from integrations.identity.oidc_provider import OidcProvider

router = APIRouter(prefix="/sign-in/oidc", include_in_schema=False, route_class=PageRoute)

AnswerText = Annotated[str, Query(max_length=4000)]


@router.get("")
def begin_sign_in(request: Request, services: CurrentServices, next: str = "/") -> Response:
    """Lead the browser to the provider, and keep in it what its answer has to fit."""
    provider = get_provider(services)
    limit_provider_sign_ins(services, request, services.clock())
    begun = BegunSignIn(begin_request(), ensure_local_path(next))
    try:
        url = provider.build_authorization_url(begun.request)
    except SignInRefused as refusal:
        return refuse(request, services, refusal, begun.next)
    response = RedirectResponse(url, 303)
    set_request_cookie(response, services.settings.keys, begun, services.clock())
    return response


@router.get("/callback")
def finish_sign_in(
    request: Request,
    services: CurrentServices,
    state: AnswerText = "",
    code: AnswerText = "",
    error: AnswerText = "",
    iss: AnswerText = "",
) -> Response:
    """Redeem the provider's code, and begin a session, which ends the one that this browser had before."""
    provider, next = get_provider(services), "/"
    limit_provider_sign_ins(services, request, services.clock())
    try:
        begun = read_request_cookie(request.cookies, services.settings.keys, state, services.clock())
        next = begun.next
        check_answer(provider, code, error, iss)
        signed_in = provider.redeem_code(code, begun.request)
        now = services.clock()  # before the look-up: who leaves meanwhile has left after this session began
        welcome = find_or_join_person(services, request, signed_in)
    except SignInRefused as refusal:
        response = refuse(request, services, refusal, next)
    else:
        if welcome.position is not None:
            services.announce_append()
        response = redirect_to(build_first_path(services, welcome.person, next), None, welcome.position)
        earlier = [request.cookies[SESSION_COOKIE]] if SESSION_COOKIE in request.cookies else []
        session = build_provider_session(services, signed_in, welcome.person.id)
        secret = services.sessions.begin_session_of_identity(welcome.person.id, session, now, earlier)
        record_access(services, request, "sign_in", welcome.person.id, welcome.person.id, way="oidc")
        max_age = int(SESSION_LIFETIME.total_seconds())
        response.set_cookie(SESSION_COOKIE, secret, max_age=max_age, httponly=True, samesite="lax")
    if state:
        response.delete_cookie(name_cookie(state))
    return response


def check_answer(provider: "OidcProvider", code: str, error: str, issuer: str) -> None:
    """Check that the provider gave a code, and that it was this provider (RFC 9207). Raises SignInRefused."""
    metadata = provider.load_metadata()
    if issuer != metadata.issuer and (issuer or metadata.authorization_response_iss_parameter_supported):
        raise WrongClaim("issuer")
    if error:
        raise ProviderRefused
    if not code:
        raise SignInAbandoned


def build_provider_session(services: Services, signed_in: SignedIn, person_id: UUID) -> ProviderSession:
    """Build what a session keeps of the provider's: whose it is there, and the token with which it is ended there."""
    claims = signed_in.claims
    session_id = claims.get("sid")
    return ProviderSession(
        Identity(claims["iss"], claims["sub"]),
        session_id if isinstance(session_id, str) else None,
        services.id_token_cipher.encrypt_secret(person_id, {"id_token": signed_in.id_token}),
    )


def get_provider(services: Services) -> "OidcProvider":
    """Return the provider. Raises NotFound where there is none."""
    if services.oidc_provider is None:
        raise NotFound
    return services.oidc_provider


def refuse(request: Request, services: Services, refusal: SignInRefused, next: str) -> Response:
    """Record why nobody was signed in, and say it, with the other ways in."""
    what = refusal.what[:500] if isinstance(refusal, WrongProviderAnswer) else None
    record_access(services, request, "sign_in_refused", reason=refusal.reason, way="oidc", what=what)
    settings = services.settings
    return render_page(
        request,
        "sign_in/refused.html",
        503 if isinstance(refusal, ProviderAway | WrongProviderAnswer) else 403,
        sentence=refusal.sentence,
        next=next,
        provider=settings.oidc_provider_name,
        by_mail=settings.sign_in == "both",
    )
