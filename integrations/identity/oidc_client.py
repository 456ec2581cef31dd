"""How this service is registered at the organisation's OpenID provider."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OidcClient:
    """How this service is registered at the provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
