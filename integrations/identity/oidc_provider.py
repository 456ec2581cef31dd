"""Signing in through an OpenID provider: code flow with PKCE, state and nonce (OpenID Connect Core 1.0)."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import errors, jwt
from joserfc.jwk import KeySet

from integrations.clock import Clock
from integrations.identity.errors import CodeRefused, ProviderAway, WrongClaim, WrongProviderAnswer, WrongSignature
from integrations.identity.oidc_client import OidcClient
from integrations.identity.provider_client import fetch_json, send_request
from integrations.identity.provider_metadata import ProviderMetadata, load_metadata
from integrations.identity.sign_in_request import SignedIn, SignInRequest
from integrations.identity.signed_tokens import UnknownKey, check_id_token, check_logout_token, verify_signature

METADATA_LIFE = timedelta(hours=1)
AWAY_LIFE = timedelta(seconds=5)  # so that many who wait for a provider that is down do not wait one after the other
SCOPE = "openid email profile"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class OidcProvider:
    """The organisation's OpenID provider, for several threads; what it says of itself is kept for an hour."""

    def __init__(self, client: OidcClient, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self.lock = threading.Lock()
        self.metadata: ProviderMetadata | None = None
        self.keys: KeySet | None = None
        self.loaded_at: datetime | None = None
        self.away_at: datetime | None = None

    def load_metadata(self) -> ProviderMetadata:
        """Return what the provider says of itself. Raises ProviderAway, WrongProviderAnswer."""
        with self.lock:
            now = self.clock()
            if self.metadata is None or self.loaded_at is None or now - self.loaded_at >= METADATA_LIFE:
                self.reload(now)
            assert self.metadata
            return self.metadata

    def load_keys(self, fresh: bool = False) -> KeySet:
        """Return the provider's keys, those it has now if `fresh`. Raises ProviderAway, WrongProviderAnswer."""
        metadata = self.load_metadata()
        with self.lock:
            if self.keys is None or fresh:
                self.keys = fetch_keys(metadata.jwks_uri)
            return self.keys

    def reload(self, now: datetime) -> None:
        """Ask the provider what it is now; not again within 5 s of its being away."""
        if self.away_at is not None and now - self.away_at < AWAY_LIFE:
            raise ProviderAway
        try:
            self.metadata, self.keys, self.loaded_at = load_metadata(self.client.issuer), None, now
        except ProviderAway:
            self.away_at = self.clock()
            raise

    def build_authorization_url(self, request: SignInRequest) -> str:
        """Build the address at the provider where a sign-in goes on. Raises ProviderAway, WrongProviderAnswer."""
        url: str = prepare_grant_uri(
            self.load_metadata().authorization_endpoint,
            client_id=self.client.client_id,
            response_type="code",
            redirect_uri=self.client.redirect_uri,
            scope=SCOPE,
            state=request.state,
            nonce=request.nonce,
            code_challenge=create_s256_code_challenge(request.code_verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
        )
        return url

    def redeem_code(self, code: str, request: SignInRequest) -> SignedIn:
        """Redeem the code of a sign-in for what the provider says of the person.

        Raises SignInRefused: CodeRefused, ProviderAway, WrongProviderAnswer and those of the token.
        """
        metadata = self.load_metadata()
        auth_method = metadata.choose_auth_method(bool(self.client.client_secret))
        body = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=self.client.redirect_uri,
            code_verifier=request.code_verifier,
        )
        auth = ClientAuth(self.client.client_id, self.client.client_secret, auth_method)
        url, headers, body = auth.prepare("POST", metadata.token_endpoint, dict(FORM), body)  # type: ignore[no-untyped-call]
        status, answer = send_request("POST", url, headers, body)
        if "error" in answer:
            raise CodeRefused
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if status != 200 or not isinstance(id_token, str):
            raise WrongProviderAnswer(f"{metadata.token_endpoint} answers {status} without an ID token")
        token = self.verify(id_token)
        check_id_token(
            token,
            metadata.issuer,
            self.client.client_id,
            request.nonce,
            access_token if isinstance(access_token, str) else "",
            self.clock(),
        )
        return SignedIn(self.complete_claims(metadata, token.claims, access_token), id_token)

    def complete_claims(
        self, metadata: ProviderMetadata, claims: Mapping[str, Any], access_token: object
    ) -> Mapping[str, Any]:
        """Return the claims with those of the user-info endpoint, where the ID token says no address.

        Raises WrongClaim for an answer about somebody else. (OpenID Connect Core 1.0, 5.3.2 and 5.4)
        """
        if "email" in claims or metadata.userinfo_endpoint is None or not isinstance(access_token, str):
            return claims
        answer = fetch_json(metadata.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"})
        if answer.get("sub") != claims["sub"]:
            raise WrongClaim("subject")
        is_denied = claims.get("email_verified") is False
        return {**answer, **claims, "email_verified": False if is_denied else answer.get("email_verified")}

    def read_logout_token(self, logout_token: str) -> Mapping[str, Any]:
        """Return the claims of a logout token: `sub`, `sid`, or both. Raises SignInRefused."""
        token = self.verify(logout_token)
        check_logout_token(token, self.client.issuer, self.client.client_id, self.clock())
        return token.claims

    def verify(self, text: str) -> jwt.Token:
        """Verify a token with the provider's keys; with those it has now if it names an unknown one."""
        algorithms = self.load_metadata().algorithms
        try:
            return verify_signature(text, self.load_keys(), algorithms)
        except UnknownKey:
            pass
        try:
            return verify_signature(text, self.load_keys(fresh=True), algorithms)
        except UnknownKey:
            raise WrongSignature from None

    def build_logout_url(self, id_token: str | None, back_url: str) -> str | None:
        """Build the address at which the provider ends its own session, or None if it has none.

        Raises ProviderAway, WrongProviderAnswer. (OpenID Connect RP-Initiated Logout 1.0, 2)
        """
        endpoint = self.load_metadata().end_session_endpoint
        if endpoint is None:
            return None
        params = [("client_id", self.client.client_id), ("post_logout_redirect_uri", back_url)]
        url: str = add_params_to_uri(endpoint, [*([("id_token_hint", id_token)] if id_token else []), *params])
        return url


def fetch_keys(url: str) -> KeySet:
    """Fetch the provider's keys. Raises ProviderAway, WrongProviderAnswer."""
    answer = fetch_json(url)
    try:
        return KeySet.import_key_set(answer)  # type: ignore[arg-type]
    except (errors.JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise WrongProviderAnswer(f"{url} answers no key set") from None
