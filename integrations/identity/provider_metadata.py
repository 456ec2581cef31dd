"""What an OpenID provider says of itself: its discovery document, checked (OpenID Connect Discovery 1.0, 3 and 4.3)."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationError

from integrations.identity.errors import WrongProviderAnswer
from integrations.identity.provider_client import fetch_json
from integrations.identity.provider_url import validate_provider_url

WELL_KNOWN = "/.well-known/openid-configuration"
# asymmetric ones only: whoever could check an HMAC could also make one
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)

ProviderUrl = Annotated[str, AfterValidator(validate_provider_url)]


class ProviderMetadata(BaseModel):
    """The parts of a discovery document that are used here."""

    issuer: str
    authorization_endpoint: ProviderUrl
    token_endpoint: ProviderUrl
    jwks_uri: ProviderUrl
    userinfo_endpoint: ProviderUrl | None = None
    end_session_endpoint: ProviderUrl | None = None
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> list[str]:
        """The algorithms that the provider signs with and Oncelink accepts."""
        return sorted(ALGORITHMS.intersection(self.id_token_signing_alg_values_supported))

    def choose_auth_method(self, has_secret: bool) -> str:
        """Choose how the client shows who it is at the token endpoint: by `client_secret_basic` where it can."""
        if not has_secret:
            return "none"
        supported = self.token_endpoint_auth_methods_supported
        is_post_only = "client_secret_post" in supported and "client_secret_basic" not in supported
        return "client_secret_post" if is_post_only else "client_secret_basic"


def load_metadata(issuer: str) -> ProviderMetadata:
    """Load the metadata of the provider with exactly this issuer. Raises ProviderAway, WrongProviderAnswer."""
    url = issuer.rstrip("/") + WELL_KNOWN
    try:
        metadata = ProviderMetadata.model_validate(fetch_json(url))
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongProviderAnswer(f"{url}: {first['loc'][0]}: {first['msg']}") from None
    if metadata.issuer != issuer:
        raise WrongProviderAnswer(f"{url} is of the issuer {metadata.issuer!r}, and the setting says {issuer!r}")
    return metadata
