"""An OpenID provider on loopback whose every answer a test can forge, signed with its true keys or others."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID = "oncelink"
CLIENT_SECRET = "provider's own secret"
CODE = "code-of-the-provider"
ALGORITHMS = ["RS256", "HS256", "none"]  # as it says itself: what is refused is decided by us
TEN_MINUTES = 600

Claims = dict[str, Any]
Answer = tuple[int, bytes]


def generate_key(kid: str) -> RSAKey:
    """A signing key."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@dataclass
class ForgingProvider:
    """Answers as a provider should, unless `forge_claims`, `forge_token` or `answers` say otherwise."""

    port: int
    keys: list[RSAKey] = field(default_factory=lambda: [generate_key("first")])
    claims: Claims = field(default_factory=dict)
    forge_claims: Callable[[Claims], Claims] = lambda claims: claims
    forge_token: Callable[[Claims], str] | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    user_info: Claims = field(default_factory=dict)
    nonce: str = ""
    challenge: str = ""
    requested_paths: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self.port}"

    def rotate_key(self) -> None:
        """Sign with a new key from now on, and publish no other."""
        self.keys = [generate_key(f"key {len(self.requested_paths)}")]

    def answer(self, path: str, form: dict[str, str]) -> Answer:
        """The status and body of an answer."""
        self.requested_paths.append(path)
        if path in self.answers:
            return self.answers[path]
        answers: dict[str, Callable[[], Any]] = {
            "/.well-known/openid-configuration": self.describe,
            "/jwks": lambda: KeySet(list(self.keys)).as_dict(private=False),
            "/token": lambda: self.answer_token(form),
            "/userinfo": lambda: self.user_info,
        }
        body = answers[path]()
        return (400 if "error" in body else 200), json.dumps(body).encode()

    def describe(self) -> dict[str, Any]:
        """Its metadata."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "id_token_signing_alg_values_supported": ALGORITHMS,
        } | self.metadata

    def answer_token(self, form: dict[str, str]) -> dict[str, Any]:
        """The tokens of a code, for whoever has its verifier."""
        if form.get("code") != CODE or create_s256_code_challenge(form["code_verifier"]) != self.challenge:  # type: ignore[no-untyped-call]
            return {"error": "invalid_grant"}
        claims = self.forge_claims(self.build_claims())
        id_token = self.forge_token(claims) if self.forge_token else self.sign(claims)
        return {"access_token": "access", "token_type": "Bearer", "id_token": id_token}

    def build_claims(self) -> Claims:
        """The claims of a right ID token."""
        now = int(datetime.now(UTC).timestamp())
        times = {"iat": now, "exp": now + TEN_MINUTES}
        return {"iss": self.issuer, "aud": CLIENT_ID, "nonce": self.nonce, **times} | self.claims

    def sign(self, claims: Claims) -> str:
        """Sign claims with the newest key."""
        return jwt.encode({"alg": "RS256", "kid": self.keys[-1].kid}, claims, self.keys[-1])

    def sign_with_public_key(self, claims: Claims) -> str:
        """Sign claims by an HMAC whose key is the public key, which everybody has."""
        signed = join_parts({"alg": "HS256", "kid": self.keys[-1].kid}, claims)
        signature = hmac.digest(self.keys[-1].as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{encode_part(signature)}"


def sign_with_none(claims: Claims) -> str:
    """Claims without a signature."""
    return f"{join_parts({'alg': 'none'}, claims)}."


def join_parts(header: dict[str, Any], claims: Claims) -> str:
    """The part of a token that is signed (RFC 7515, 3.1)."""
    return ".".join(encode_part(json.dumps(part).encode()) for part in (header, claims))


def encode_part(content: bytes) -> str:
    """One part of a token."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def sign_with_foreign_key(claims: Claims) -> str:
    """Claims signed with a key that the provider never had, under the name of one that it has."""
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, generate_key("first"))


@contextmanager
def run_forging_provider() -> Iterator[ForgingProvider]:
    """Run a provider."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_answer({name: values[0] for name, values in parse_qs(body).items()})

        def send_answer(self, form: dict[str, str]) -> None:
            status, body = provider.answer(self.path, form)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{provider.issuer}/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = ForgingProvider(http_server.server_port)
    Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield provider
    finally:
        http_server.shutdown()
        http_server.server_close()
