"""Limits of how often a guest's client sends requests, and how often sign-in links are requested."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from api.http.client_address import identify_client
from api.http.dependencies import CurrentServices, get_request_id
from api.http.rate_limit_headers import RateLimits, get_rate_limits
from api.services import Services
from domain.email_addresses import fold_address
from domain.event import Actor, Context
from domain.refusals import TooManyRequests, TooManySignInRequests

MAX_SIGN_IN_REQUESTS_PER_EMAIL = 5  # in a quarter of an hour, whether anybody has the address or not
MAX_SIGN_IN_REQUESTS_PER_CLIENT = 30
MAX_PROVIDER_SIGN_INS_PER_CLIENT = 600  # requests, two for each: an office comes from one address in the morning
QUARTER_SECONDS = 900
SINGLE_USE_PATHS = ("/s/", "/v1/book/")
BOOKING_PATHS = ("/book/", "/v1/book/")


@dataclass(frozen=True, slots=True)
class GuestAdmission:
    """The context of a guest's request, and its refusal if the client is over its quota of requests."""

    context: Context
    refusal: TooManyRequests | None = None


async def admit_guest(request: Request, services: CurrentServices) -> GuestAdmission:
    """Count a guest's request, and note the quotas of its route for the response."""
    now = services.clock()
    context = Context(now, Actor(kind="guest"), get_request_id(request), "web")
    limits = get_rate_limits(request.scope)
    token_id = find_single_use_link(request, services)
    add_quota_policies(limits, request, services, is_single_use=token_id is not None)
    client, quota = identify_client(request), services.settings.guest_rate_limit
    if client is None or quota == 0:
        return GuestAdmission(context)
    if token_id is not None:
        client = f"link {token_id}"  # limited by itself alone, not by what else comes from this client
    leases = services.request_leases
    allowance = leases.take_leased(client, now)
    if allowance is None:
        allowance = await to_thread.run_sync(leases.take, client, now)
    limits.add_policy("requests", quota, 60)
    limits.states["requests"] = allowance.left, allowance.seconds
    return GuestAdmission(context, None if allowance.allowed else TooManyRequests(timedelta(seconds=allowance.seconds)))


def find_single_use_link(request: Request, services: Services) -> str | None:
    """Find the id of the single-use link whose code the path has; None for every other path."""
    code = request.path_params.get("code", "").removesuffix("/")
    token_id = services.codes.open_code(code, "book") if request.url.path.startswith(SINGLE_USE_PATHS) else None
    return str(token_id) if token_id else None


def add_quota_policies(limits: RateLimits, request: Request, services: Services, is_single_use: bool) -> None:
    """Add the policies of what a guest books or moves."""
    settings, path = services.settings, request.url.path
    if request.method != "POST" or is_single_use:
        return
    if path.startswith(BOOKING_PATHS):
        limits.add_policy("bookings", settings.guest_booking_quota)
        limits.add_policy("mails", settings.guest_mail_quota)
    elif path.endswith("/reschedule"):
        limits.add_policy("moves", settings.guest_move_quota)
        limits.add_policy("mails", settings.guest_mail_quota)


GuestAdmissionOf = Annotated[GuestAdmission, Depends(admit_guest)]


async def require_admission(admission: GuestAdmissionOf) -> Context:
    """Return the context of a guest whose client is within its quota of requests. Raises TooManyRequests."""
    if admission.refusal is not None:
        raise admission.refusal
    return admission.context


GuestContext = Annotated[Context, Depends(require_admission)]


def limit_sign_in_requests(services: Services, email: str, request: Request, now: datetime) -> None:
    """Count a request for a sign-in link against the limits for its two addresses. Raises TooManySignInRequests."""
    counts, limits = services.request_counts, get_rate_limits(request.scope)
    client = identify_client(request)
    limits.add_policy("sign-in", MAX_SIGN_IN_REQUESTS_PER_EMAIL, QUARTER_SECONDS)
    is_over = counts.count_sign_in_request(f"email {fold_address(email)}", now) > MAX_SIGN_IN_REQUESTS_PER_EMAIL
    if client is not None:
        limits.add_policy("sign-in-client", MAX_SIGN_IN_REQUESTS_PER_CLIENT, QUARTER_SECONDS)
        is_over |= counts.count_sign_in_request(f"place {client}", now) > MAX_SIGN_IN_REQUESTS_PER_CLIENT
    if is_over:
        raise TooManySignInRequests(timedelta(seconds=QUARTER_SECONDS - now.timestamp() % QUARTER_SECONDS))


def limit_provider_sign_ins(services: Services, request: Request, now: datetime) -> None:
    """Count a request that asks the OpenID provider for something. Raises TooManySignInRequests."""
    client = identify_client(request)
    if client is None:
        return
    get_rate_limits(request.scope).add_policy("sign-in-client", MAX_PROVIDER_SIGN_INS_PER_CLIENT, QUARTER_SECONDS)
    count = services.request_counts.count_sign_in_request(f"provider {client}", now)
    if count > MAX_PROVIDER_SIGN_INS_PER_CLIENT:
        raise TooManySignInRequests(timedelta(seconds=QUARTER_SECONDS - now.timestamp() % QUARTER_SECONDS))
