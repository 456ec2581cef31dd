"""HTTP requests to calendar servers: bounded time, size and redirects; every address is checked."""

import logging
import ssl
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

import httpx2

from integrations.calendars.addresses import Network, validate_url
from integrations.calendars.errors import (
    DowngradedRedirect,
    ForeignRedirect,
    InvalidUrl,
    NoConnection,
    OutsideAllowedNetworks,
    PasswordInTheClear,
    TooLarge,
    TooManyRedirects,
    TooSlow,
    UntrustedCertificate,
    WrongEncoding,
)
from integrations.calendars.network import Deadline, GuardedBackend, GuardedTransport, Resolve, resolve_host

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log URLs, which are secrets here

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 10_000_000
MAX_REDIRECTS = 3
SEE_OTHER = 303  # asks for GET whatever was asked before (RFC 9110, 15.4.4), which does for GET alone
REDIRECTS = (301, 302, SEE_OTHER, 307, 308)
HEADERS = {"User-Agent": "Oncelink (calendar reader)", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password, sent as Basic authentication; not shown by `repr`."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A server's response, with the URL after redirects."""

    url: httpx2.URL
    status: int
    headers: httpx2.Headers
    body: bytes


class GuardedHttpClient:
    """An HTTP client for the internet and the allowed networks; safe to use from several threads."""

    def __init__(
        self, allowed: Sequence[Network] = (), resolve: Resolve = resolve_host, seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.allowed = tuple(allowed)
        self.resolve = resolve
        self.seconds = seconds

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The authorities that this system trusts, read once."""
        return ssl.create_default_context()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        login: Login | None = None,
        only_inside: bool = False,
    ) -> HttpResponse:
        """Send one request and follow redirects; a password goes to no other site.

        With `only_inside` nothing is asked without encryption beyond the allowed networks, as with a password.
        Raises CalendarError.
        """
        deadline = Deadline(self.seconds)
        current_url = self.check_url(url)
        for _ in range(MAX_REDIRECTS + 1):
            backend = self.build_backend(current_url, deadline, login, only_inside)
            response = self.exchange(method, current_url, {**HEADERS, **(headers or {})}, content, login, backend)
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or not target or (response.status == SEE_OTHER and method != "GET"):
                return response
            current_url = self.resolve_redirect(current_url, target, login)
        raise TooManyRedirects

    def check_url(self, text: str) -> httpx2.URL:
        """Parse a URL and check that its text may be requested. Raises CalendarError."""
        return validate_url(text, self.allowed)

    def resolve_redirect(self, current_url: httpx2.URL, target: str, login: Login | None) -> httpx2.URL:
        """Resolve a redirect, if it may be followed. Raises CalendarError."""
        try:
            joined = urljoin(str(current_url), target)
        except ValueError:
            raise InvalidUrl from None
        url = self.check_url(joined)
        if current_url.scheme == "https" and url.scheme == "http":
            raise DowngradedRedirect
        if login is not None and not is_same_site(current_url.host, url.host):
            raise ForeignRedirect
        return url

    def build_backend(
        self, url: httpx2.URL, deadline: Deadline, login: Login | None, only_inside: bool
    ) -> GuardedBackend:
        """Build what connects to a URL's server."""
        outside_error = PasswordInTheClear if login else OutsideAllowedNetworks if only_inside else None
        is_encrypted = url.scheme == "https"
        return GuardedBackend(self.allowed, deadline, self.resolve, None if is_encrypted else outside_error)

    def exchange(
        self,
        method: str,
        url: httpx2.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        login: Login | None,
        backend: GuardedBackend,
    ) -> HttpResponse:
        """Send one request and read its whole response. Raises CalendarError."""
        transport = GuardedTransport(self.ssl_context, backend)
        auth = httpx2.BasicAuth(login.user, login.password) if login else None
        try:
            with (
                httpx2.Client(transport=transport, trust_env=False, timeout=None) as client,
                client.stream(method, url, headers=headers, content=content, auth=auth) as response,
            ):
                return HttpResponse(url, response.status_code, response.headers, read_body(response))
        except httpx2.TimeoutException:
            raise TooSlow from None
        except httpx2.ConnectError as error:
            raise (UntrustedCertificate if is_certificate_error(error) else NoConnection) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError, ValueError):
            raise NoConnection from None


def read_body(response: httpx2.Response) -> bytes:
    """Read and decompress a body up to the size limit. Raises TooLarge, WrongEncoding."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise WrongEncoding
    chunks, size = [], 0
    raw_chunks = response.iter_raw(65_536)
    for chunk in decompress_gzip(raw_chunks) if "gzip" in encoding else raw_chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def decompress_gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip in small chunks, whatever its ratio. Raises WrongEncoding."""
    decompressor = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        compressed = chunk
        while compressed and not decompressor.eof:
            try:
                yield decompressor.decompress(compressed, 65_536)
            except zlib.error:
                raise WrongEncoding from None
            compressed = decompressor.unconsumed_tail
    if not decompressor.eof:
        yield decompressor.flush()
    if not decompressor.eof:
        raise WrongEncoding


def is_same_site(host: str, other_host: str) -> bool:
    """Whether a password for one host may go to the other: the same host, or its sibling under one domain."""
    domain = host.partition(".")[2]
    return host == other_host or (
        "." in domain and not domain.replace(".", "").isdigit() and other_host.endswith(f".{domain}")
    )


def is_certificate_error(error: BaseException | None) -> bool:
    """Whether a connection failed because of the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
