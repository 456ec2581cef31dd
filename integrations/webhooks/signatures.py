"""Secrets and signatures of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com, "Signature scheme")."""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32  # 24 to 64, says the standard


def generate_secret() -> str:
    """Generate a secret for an endpoint."""
    return PREFIX + b64encode(os.urandom(SECRET_BYTES)).decode()


def sign_body(secret: str, id: str, seconds: int, body: bytes) -> str:
    """Sign a body with a secret: `v1,` and the base64 of HMAC-SHA-256 over id, seconds since 1970 and body."""
    signed = f"{id}.{seconds}.".encode() + body
    return "v1," + b64encode(hmac.digest(b64decode(secret.removeprefix(PREFIX)), signed, "sha256")).decode()


def build_headers(secrets: Sequence[str], id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Build the headers of a webhook, with a signature by each secret."""
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(sign_body(secret, id, seconds, body) for secret in secrets),
    }
