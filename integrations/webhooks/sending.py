"""Sends webhooks over guarded connections: no redirect is followed, and nothing of an answer but its status is read."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

import httpx2

from integrations.calendars import errors
from integrations.calendars.addresses import is_inside
from integrations.calendars.http_client import GuardedHttpClient, is_certificate_error
from integrations.calendars.network import Deadline, GuardedTransport

SECONDS = 20.0  # for a whole attempt; the standard recommends 15 to 30
HEADERS = {"User-Agent": "Oncelink (webhooks)", "Accept-Encoding": "identity"}
MAX_RETRY_AFTER = 86_400
REASONS: Mapping[type[errors.CalendarError], str] = {
    errors.PrivateAddress: "private_address",
    errors.OutsideAllowedNetworks: "not_encrypted",
    errors.HostNotFound: "host_not_found",
    errors.NoConnection: "no_connection",
    errors.UntrustedCertificate: "untrusted_certificate",
    errors.TooSlow: "too_slow",
}
SENTENCES: Mapping[type[errors.CalendarError], str] = {
    errors.LoginInAddress: "A webhook's address has no user name or password in it.",
    errors.WrongPort: "A webhook is sent to port 80, 443, or one from 1024 on.",
    errors.PrivateAddress: "This address leads into a private or reserved network, where nothing is sent from here.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status, or the reason why there is none; and the seconds that were asked for."""

    status: int | None = None
    reason: str | None = None
    retry_after: int = 0
    milliseconds: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender:
    """Sends bodies. `http_client` says which networks may be reached, as it does for calendars."""

    def __init__(self, http_client: GuardedHttpClient, seconds: float = SECONDS) -> None:
        self.http_client = http_client
        self.seconds = seconds

    def find_flaw(self, url: str) -> str | None:
        """Find what forbids sending to an address, as far as its text says, as a sentence; None when nothing does."""
        if not url.lower().startswith(("https://", "http://")):
            return "A webhook's address begins with https://."
        try:
            parsed = self.http_client.check_url(url)
        except errors.CalendarError as error:
            return SENTENCES.get(type(error), "This is not a web address, such as https://hooks.example.com/oncelink.")
        if parsed.scheme == "http" and not self.is_known_inside(parsed.host):
            return "A webhook's address begins with https://, unless it is in a network that the operator allows."
        return None

    def is_known_inside(self, host: str) -> bool:
        """Whether a host may be in an allowed network; of a name that is known when it is resolved."""
        try:
            return is_inside(ip_address(host.strip("[]")), self.http_client.allowed)
        except ValueError:
            return bool(self.http_client.allowed)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one body. Never raises for what the other side does."""
        began = time.monotonic()
        try:
            status, retry_after = self.post(url, {**HEADERS, **headers}, body)
        except errors.CalendarError as error:
            return Answer(reason=REASONS.get(type(error), "invalid_address"), milliseconds=measure(began))
        reason = None if 200 <= status < 300 else "redirected" if 300 <= status < 400 else "refused"
        return Answer(status, reason, retry_after, measure(began))

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, int]:
        """Post a body. Returns the status and the seconds of `Retry-After`, 0 for none. Raises CalendarError."""
        deadline = Deadline(self.seconds)
        parsed = self.http_client.check_url(url)
        backend = self.http_client.build_backend(parsed, deadline, None, only_inside=True)
        transport = GuardedTransport(self.http_client.ssl_context, backend)
        try:
            with (
                httpx2.Client(transport=transport, trust_env=False, timeout=None, follow_redirects=False) as client,
                client.stream("POST", parsed, headers=headers, content=body) as response,
            ):
                return response.status_code, parse_retry_after(response.headers.get("Retry-After"))
        except httpx2.TimeoutException:
            raise errors.TooSlow from None
        except httpx2.ConnectError as error:
            raise (errors.UntrustedCertificate if is_certificate_error(error) else errors.NoConnection) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError, ValueError):
            raise errors.NoConnection from None


def parse_retry_after(value: str | None) -> int:
    """Parse `Retry-After` in seconds, at most a day; 0 for a date or anything else (RFC 9110, 10.2.3)."""
    if value is None or not value.strip().isascii() or not value.strip().isdigit():
        return 0
    return min(int(value.strip()[:9]), MAX_RETRY_AFTER)


def measure(began: float) -> int:
    """Measure the milliseconds since a moment of the monotonic clock."""
    return round(1000 * (time.monotonic() - began))
