"""What is kept encrypted of an endpoint: its address, its secret, and the secret before while that still signs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from integrations.webhooks.signatures import generate_secret

ENCRYPTION_PURPOSE = "webhook"
OVERLAP = timedelta(hours=24)  # how long the secret before signs too


@dataclass(frozen=True, slots=True)
class EndpointSecrets:
    """Address and secrets of an endpoint; not shown by `repr`."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any]) -> "EndpointSecrets":
        """Convert from what was decrypted."""
        return cls(secret["url"], secret["secret"], secret["previous"])

    def to_secret(self) -> dict[str, Any]:
        """Convert to what is encrypted."""
        return {"url": self.url, "secret": self.secret, "previous": self.previous}

    def rotate(self) -> "EndpointSecrets":
        """Rotate the secret: a new one signs, and the one before for a while too."""
        return replace(self, secret=generate_secret(), previous=self.secret)

    def list_signing(self, previous_until: datetime | None, now: datetime) -> list[str]:
        """List the secrets that sign at an instant, the current one first."""
        is_overlapping = self.previous is not None and previous_until is not None and now < previous_until
        return [self.secret, self.previous] if is_overlapping and self.previous else [self.secret]
