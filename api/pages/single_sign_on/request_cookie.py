"""A sign-in that was begun, kept in the browser that began it: encrypted, for ten minutes, for one answer."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Response

from integrations.identity.errors import SignInAbandoned
from integrations.identity.sign_in_request import SignInRequest
from store.credentials.encrypted_secrets import DecryptionFailed, SecretCipher

COOKIE_PREFIX = "oncelink_oidc_"
LIFETIME = timedelta(minutes=10)
PURPOSE = "oidc sign-in"


@dataclass(frozen=True, slots=True)
class BegunSignIn:
    """What a browser comes back for: the request, and the page where it goes on."""

    request: SignInRequest
    next: str


def name_cookie(state: str) -> str:
    """Return the name of the cookie of a state, so that two tabs do not take each other's."""
    return COOKIE_PREFIX + uuid5(NAMESPACE_URL, state).hex[:12]


def set_request_cookie(response: Response, keys: Sequence[str], begun: BegunSignIn, now: datetime) -> None:
    """Keep a sign-in that begins in the browser."""
    id = derive_id(begun.request.state)
    secret = {**asdict(begun.request), "next": begun.next, "begun_at": now.timestamp()}
    value = urlsafe_b64encode(SecretCipher(keys, PURPOSE).encrypt_secret(id, secret)).decode()
    max_age = int(LIFETIME.total_seconds())
    response.set_cookie(name_cookie(begun.request.state), value, max_age=max_age, httponly=True, samesite="lax")


def read_request_cookie(cookies: Mapping[str, str], keys: Sequence[str], state: str, now: datetime) -> BegunSignIn:
    """Return the sign-in that this browser began with this state. Raises SignInAbandoned."""
    try:
        encrypted = urlsafe_b64decode(cookies[name_cookie(state)])
        secret = SecretCipher(keys, PURPOSE).decrypt_secret(derive_id(state), encrypted)
    except (KeyError, ValueError, DecryptionFailed):
        raise SignInAbandoned from None
    if secret["state"] != state or now.timestamp() - secret["begun_at"] > LIFETIME.total_seconds():
        raise SignInAbandoned
    request = SignInRequest(secret["state"], secret["nonce"], secret["code_verifier"])
    return BegunSignIn(request, secret["next"])


def derive_id(state: str) -> UUID:
    """Derive the id that the encryption binds to."""
    return uuid5(NAMESPACE_URL, f"oidc {state}")
