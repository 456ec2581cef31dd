"""Challenges that cost a guest's computer a second of work, in the format of ALTCHA, proof of work version 2.

Source: https://altcha.org/docs/v2/proof-of-work-captcha/. The widget and the libraries of ALTCHA solve them too.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from altcha import Payload, create_challenge, verify_solution

from domain.guest_check import Proof

ALGORITHM = "PBKDF2/SHA-256"  # which browsers have
COST = 5_000  # iterations for each counter that is tried
FIRST_COUNTER, LAST_COUNTER = 100, 300  # so the work is never more than thrice the least
LIFETIME = timedelta(minutes=10)


class ProofOfWork:
    """Makes challenges and verifies their solutions, each for one link. Nothing is kept of a challenge."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        """The first secret key signs challenges, all of them verify solutions."""
        self.secret_keys = secret_keys

    def create_challenge(self, link_id: UUID, now: datetime) -> dict[str, Any]:
        """Create a challenge as JSON: `{"parameters": {…}, "signature": …}`."""
        challenge = create_challenge(
            ALGORITHM,
            COST,
            counter=FIRST_COUNTER + secrets.randbelow(LAST_COUNTER - FIRST_COUNTER + 1),
            expires_at=now + LIFETIME,
            hmac_secret=derive_key(self.secret_keys[0], "challenge", link_id),
            hmac_key_secret=derive_key(self.secret_keys[0], "solution", link_id),
        )
        return challenge.to_dict()

    def verify_payload(self, payload: str, link_id: UUID, now: datetime) -> Proof | None:
        """Verify a challenge with its solution (JSON in base64); None for one that is wrong, or of another link."""
        if not any(self.is_solved(payload, key, link_id) for key in self.secret_keys):
            return None
        challenge = Payload.from_base64(payload).challenge
        expires_at = datetime.fromtimestamp(challenge.parameters.expires_at or 0, now.tzinfo)
        signature = str(challenge.signature).encode()
        return Proof("proof_of_work", hashlib.sha256(signature).digest(), now, expires_at) if now < expires_at else None

    def is_solved(self, payload: str, secret_key: str, link_id: UUID) -> bool:
        """Whether a payload has a challenge that this key signed for this link, with its solution."""
        result = verify_solution(
            payload,
            derive_key(secret_key, "challenge", link_id),
            hmac_key_secret=derive_key(secret_key, "solution", link_id),
        )
        return result.verified


def derive_key(secret_key: str, purpose: str, link_id: UUID) -> bytes:
    """Derive a key of HMAC from a secret key, for one purpose and link."""
    return hmac.digest(secret_key.encode(), f"oncelink proof of work {purpose} {link_id}".encode(), "sha256")
