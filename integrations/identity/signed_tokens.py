"""Tokens that the OpenID provider signed: the signature, then the claims (OpenID Connect Core 1.0, 3.1.3.7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from authlib.oidc.core import CodeIDToken
from joserfc import errors, jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from integrations.identity.errors import SignInRefused, TokenExpired, WrongAlgorithm, WrongClaim, WrongSignature
from integrations.identity.sign_in_request import CLOCK_SKEW, LOGOUT_TOKEN_LIFE

MAX_TOKEN_LENGTH = 20_000
CLAIM_NAMES = {"iss": "issuer", "aud": "audience", "azp": "audience", "sub": "subject"}
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class UnknownKey(Exception):
    """The token names a key that is not in the key set: the provider may have changed its keys."""


def verify_signature(token: str, keys: KeySet, algorithms: list[str]) -> jwt.Token:
    """Verify a token's signature. Returns its header and claims, which are not checked yet.

    Raises UnknownKey, WrongAlgorithm, WrongSignature.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise WrongSignature
    try:
        return jwt.decode(token, keys, registry=JWSRegistry(algorithms=algorithms, strict_check_header=False))
    except errors.InvalidKeyIdError:
        raise UnknownKey from None
    except errors.UnsupportedAlgorithmError:
        raise WrongAlgorithm from None
    except (errors.JoseError, ValueError):
        raise WrongSignature from None


def check_id_token(token: jwt.Token, issuer: str, client_id: str, nonce: str, access_token: str, now: datetime) -> None:
    """Check the claims of an ID token. Raises TokenExpired, WrongClaim."""
    options: dict[str, Any] = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "sub": {"essential": True},
    }
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    claims = CodeIDToken(token.claims, token.header, options, params)
    try:
        claims.validate(now=int(now.timestamp()), leeway=int(CLOCK_SKEW.total_seconds()))
    except errors.JoseError as error:
        refuse_claim(error, token.claims)


def check_logout_token(token: jwt.Token, issuer: str, client_id: str, now: datetime) -> None:
    """Check the claims of a logout token (Back-Channel Logout 1.0, 2.6). Raises WrongClaim, TokenExpired."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(CLOCK_SKEW.total_seconds()),
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        jti={"essential": True},
        events={"essential": True},
    )
    claims = token.claims
    try:
        registry.validate(claims)
    except errors.JoseError as error:
        refuse_claim(error, claims)
    if not isinstance(claims["events"], Mapping) or LOGOUT_EVENT not in claims["events"]:
        raise WrongClaim("events")
    if "nonce" in claims:
        raise WrongClaim("nonce")
    if not any(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "sid")):
        raise WrongClaim("subject")
    if now.timestamp() - claims["iat"] > LOGOUT_TOKEN_LIFE.total_seconds():
        raise TokenExpired


def refuse_claim(error: errors.JoseError, claims: Mapping[str, Any]) -> NoReturn:
    """Raise the refusal for a claim that is missing or wrong."""
    if isinstance(error, errors.ExpiredTokenError):
        raise TokenExpired from None
    name = str(getattr(error, "claim", "") or "claim").partition(",")[0]
    refusal: SignInRefused = WrongClaim(CLAIM_NAMES.get(name, name))
    raise refusal from None
