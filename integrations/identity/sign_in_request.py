"""What goes to the OpenID provider with somebody who signs in, and what comes back."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

CLOCK_SKEW = timedelta(minutes=2)
LOGOUT_TOKEN_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """One sign-in that was begun: what its answer is compared with."""

    state: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the provider says of somebody: the claims of the ID token, and the token itself."""

    claims: Mapping[str, Any]
    id_token: str = field(repr=False)


def begin_request() -> SignInRequest:
    """Begin a sign-in with fresh random values of 256 bits each."""
    return SignInRequest(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
