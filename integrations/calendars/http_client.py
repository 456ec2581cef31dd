"""Asking a calendar's server: one exchange with bounded time, size and redirects, each address checked anew."""

import logging
import ssl
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

import httpx2

from integrations.calendars.addresses import Network, checked_url
from integrations.calendars.errors import (
    DowngradedRedirect,
    ForeignRedirect,
    NoConnection,
    NotAnAddress,
    NotTrusted,
    TooLarge,
    TooManyRedirects,
    TooSlow,
    WrongEncoding,
)
from integrations.calendars.network import Deadline, GuardedBackend, GuardedTransport, Resolve, resolved

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would write down addresses, which here are secrets

SECONDS = 20.0
MOST_BYTES = 10_000_000
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 307, 308)
HEADERS = {"User-Agent": "Oncelink (calendar reader)", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password, sent as Basic authentication; not shown by `repr`."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, and at which address in the end."""

    url: httpx2.URL
    status: int
    headers: httpx2.Headers
    body: bytes


class Web:
    """Asks servers of the internet, and of the networks that are allowed; from one thread or several."""

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve = resolved, seconds: float = SECONDS) -> None:
        self.allowed = tuple(allowed)
        self.resolve = resolve
        self.seconds = seconds

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The authorities that this system trusts, read once."""
        return ssl.create_default_context()

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        login: Login | None = None,
    ) -> Answer:
        """One exchange, redirects followed; a password goes to no other site. Raises Trouble."""
        deadline = Deadline(self.seconds)
        at = self.url(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = self.exchange(method, at, {**HEADERS, **(headers or {})}, content, login, deadline)
            target = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not target:
                return answer
            at = self.redirected(at, target, login)
        raise TooManyRedirects

    def url(self, text: str) -> httpx2.URL:
        """An address that may be asked, as far as its text shows. Raises Trouble."""
        return checked_url(text, self.allowed)

    def redirected(self, at: httpx2.URL, target: str, login: Login | None) -> httpx2.URL:
        """Where a redirect leads, if it may be followed. Raises Trouble."""
        try:
            joined = urljoin(str(at), target)
        except ValueError:
            raise NotAnAddress from None
        url = self.url(joined)
        if at.scheme == "https" and url.scheme == "http":
            raise DowngradedRedirect
        if login is not None and not same_site(at.host, url.host):
            raise ForeignRedirect
        return url

    def exchange(
        self,
        method: str,
        url: httpx2.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        login: Login | None,
        deadline: Deadline,
    ) -> Answer:
        """One request and its answer, read to its end. Raises Trouble."""
        only_inside = login is not None and url.scheme == "http"
        backend = GuardedBackend(self.allowed, deadline, self.resolve, only_inside)
        transport = GuardedTransport(self.ssl_context, backend)
        auth = httpx2.BasicAuth(login.user, login.password) if login else None
        try:
            with (
                httpx2.Client(transport=transport, trust_env=False, timeout=None) as client,
                client.stream(method, url, headers=headers, content=content, auth=auth) as answer,
            ):
                return Answer(url, answer.status_code, answer.headers, whole(answer))
        except httpx2.TimeoutException:
            raise TooSlow from None
        except httpx2.ConnectError as error:
            raise (NotTrusted if is_distrust(error) else NoConnection) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError, ValueError):
            raise NoConnection from None


def whole(answer: httpx2.Response) -> bytes:
    """The body of an answer, decompressed, no longer than may be. Raises TooLarge, WrongEncoding."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise WrongEncoding
    pieces, size = [], 0
    raw = answer.iter_raw(65_536)
    for piece in gunzipped(raw) if "gzip" in encoding else raw:
        size += len(piece)
        if size > MOST_BYTES:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file, in pieces that stay small however much was packed into them. Raises WrongEncoding."""
    unpacking = zlib.decompressobj(wbits=31)
    for piece in pieces:
        packed = piece
        while packed and not unpacking.eof:
            try:
                yield unpacking.decompress(packed, 65_536)
            except zlib.error:
                raise WrongEncoding from None
            packed = unpacking.unconsumed_tail
    if not unpacking.eof:
        yield unpacking.flush()
    if not unpacking.eof:
        raise WrongEncoding


def same_site(one: str, other: str) -> bool:
    """Whether a password for one host may go to the other: the same host, or its sibling under one domain."""
    domain = one.partition(".")[2]
    return one == other or ("." in domain and not domain.replace(".", "").isdigit() and other.endswith(f".{domain}"))


def is_distrust(error: BaseException | None) -> bool:
    """Whether a connection failed because of the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
