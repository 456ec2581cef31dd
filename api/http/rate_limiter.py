"""Limits of how often a guest's address sends requests, and how often sign-in links are requested."""

from datetime import datetime

from api.services import Services
from domain.commands.people import fold_email_case
from domain.refusals import TooManyRequests

MAX_SIGN_IN_REQUESTS_PER_EMAIL = 5  # in a quarter of an hour, whether anybody has the address or not
MAX_SIGN_IN_REQUESTS_PER_CLIENT = 30


def limit_guest_requests(services: Services, client_address: str, now: datetime) -> None:
    """Count a guest's request against the limit for each minute and address. Raises TooManyRequests."""
    limit = services.settings.guest_rate_limit
    if limit and services.request_counts.count_guest_request(client_address, now) > limit:
        raise TooManyRequests


def limit_sign_in_requests(services: Services, email: str, client_address: str, now: datetime) -> None:
    """Count a request for a sign-in link against the limits for its two addresses. Raises TooManyRequests."""
    counts = services.request_counts
    email_count = counts.count_sign_in_request(f"email {fold_email_case(email)}", now)
    client_count = counts.count_sign_in_request(f"place {client_address}", now)
    if email_count > MAX_SIGN_IN_REQUESTS_PER_EMAIL or client_count > MAX_SIGN_IN_REQUESTS_PER_CLIENT:
        raise TooManyRequests
