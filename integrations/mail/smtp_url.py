"""The URL of the mail server, parsed; no message about it holds a part of the URL, which may be its password."""

import re
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

StartTls = Literal["offered", "required", "never"]

DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
SPECIAL = "write special characters of the password as in %40 for @, %2F for / and %25 for %"


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """Where mail is handed over, and how. `starttls` says when smtp:// becomes TLS; a password requires it."""

    scheme: Literal["smtp", "smtps"]
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: StartTls = "offered"

    @property
    def needs_tls(self) -> bool:
        """Whether nothing may be sent before the connection is encrypted."""
        return self.starttls == "required" or self.password is not None


def parse_smtp_url(url: str) -> SmtpUrl:
    """Parse smtp://user:password@host:587?starttls=required or smtps://host.

    Raises ValueError, whose message holds no part of the URL.
    """
    if not url.startswith(("smtp://", "smtps://")):
        raise ValueError("must begin with smtp:// or smtps:// and name a server")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message may show the password
        raise ValueError(f"must be smtp://user:password@host:port; {SPECIAL}") from None
    if not host:
        raise ValueError("must begin with smtp:// or smtps:// and name a server")
    if parts.path not in ("", "/") or parts.fragment or "@" in parts.query or parts.netloc.count("@") > 1:
        raise ValueError(f"must end with the server and its port; {SPECIAL}")
    user, password = decode_part(parts.username), decode_part(parts.password)
    if (user is None) != (password is None):
        raise ValueError("must name both a user and a password, or neither")
    scheme = cast(Literal["smtp", "smtps"], parts.scheme)
    smtp_url = SmtpUrl(scheme, host, port or DEFAULT_PORTS[scheme], user, password, parse_starttls(parts.query))
    if smtp_url.starttls != "offered" and scheme == "smtps":
        raise ValueError("smtps:// is encrypted from the start: starttls is for smtp:// only")
    if smtp_url.starttls == "never" and password is not None:
        raise ValueError("a password is never sent in the clear: starttls=never is for a server that asks for none")
    return smtp_url


def decode_part(text: str | None) -> str | None:
    """Decode the user or the password; None when it is absent or empty. Raises ValueError."""
    if not text:
        return None
    if BROKEN_ESCAPE.search(text):
        raise ValueError(f"has a % that begins no escape; {SPECIAL}")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"has an escape that is not UTF-8; {SPECIAL}") from None


def parse_starttls(query: str) -> StartTls:
    """Parse what may stand after the question mark. Raises ValueError."""
    parameters = parse_qsl(query, keep_blank_values=True)
    if not parameters:
        return "offered"
    if parameters not in ([("starttls", "required")], [("starttls", "never")]):
        raise ValueError("takes starttls=required or starttls=never after the question mark, and nothing else")
    return cast(StartTls, parameters[0][1])
