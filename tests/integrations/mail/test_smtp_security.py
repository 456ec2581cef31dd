"""No password leaves in the clear, and why a mail server does not take a mail is told apart."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from integrations.delivery import DeliveryFailed
from integrations.mail.smtp import SmtpConnection
from integrations.mail.smtp_url import parse_smtp_url
from tests.integrations.mail.certificates import Authority
from tests.waiting import find_free_port

PASSWORD = "p@ss/w%rd"
LOGIN = "ada:p%40ss%2Fw%25rd@"


class Recorder:
    """What a server was asked for: sign-ins, and mails by whether they came over TLS."""

    def __init__(self) -> None:
        self.logins: list[tuple[bytes, bytes]] = []
        self.mails: list[bool] = []

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Accept one user and password."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a mail."""
        self.mails.append(
            session.ssl is not None or bool(server.transport and server.transport.get_extra_info("ssl_object"))
        )
        return "250 OK"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private authority."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority, named as docs/operations.md says."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


class RefusingStartTls(SMTP):
    """A server that offers STARTTLS and then refuses it."""

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """Refuse."""
        await self.push("454 TLS not available")


class PlainController(Controller):
    """A controller whose own first connection asks for no certificate, because it does not know our authority."""

    protocol: type[SMTP] = SMTP

    def factory(self) -> SMTP:
        """Create the server's side of one connection."""
        return self.protocol(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        socket.create_connection((self.hostname, self.port)).close()


@contextmanager
def run_server(
    context: ssl.SSLContext | None = None, auth: bool = False, protocol: type[SMTP] = SMTP, **options: Any
) -> Iterator[tuple[Recorder, int]]:
    """Run a server: `context` encrypts from the start, `tls_context` offers STARTTLS, `auth` offers a sign-in."""
    recorder, port = Recorder(), find_free_port()
    if auth:
        options |= {"authenticator": recorder.authenticate, "auth_require_tls": False}
    controller = PlainController(
        recorder, hostname="127.0.0.1", port=port, ssl_context=context, ready_timeout=30, **options
    )
    controller.protocol = protocol
    controller.start()
    try:
        yield recorder, port
    finally:
        controller.stop()


def send_mail(url: str) -> str:
    """Send a mail by a URL of the settings; returns the reason of a failure, or nothing."""

    async def send() -> None:
        connection = SmtpConnection(parse_smtp_url(url), seconds=20)
        try:
            await connection.send(b"Subject: x\r\n\r\nx\r\n", "book@nexora.example", "ada@nexora.example", lambda: True)
        finally:
            await connection.disconnect()

    try:
        asyncio.run(send())
    except DeliveryFailed as failure:  # never for good: the mail waits until the server is mended
        return failure.reason if failure.server_fault and not failure.permanent else f"permanent {failure.reason}"
    return ""


def test_a_password_is_not_sent_to_a_server_without_starttls() -> None:
    with run_server(auth=True) as (recorder, port):
        assert send_mail(f"smtp://{LOGIN}127.0.0.1:{port}") == "no_starttls"
        assert (recorder.logins, recorder.mails) == ([], [])


def test_starttls_that_is_required_and_not_there() -> None:
    with run_server() as (recorder, port):
        assert send_mail(f"smtp://127.0.0.1:{port}?starttls=required") == "no_starttls"
        assert recorder.mails == []
        assert send_mail(f"smtp://127.0.0.1:{port}") == ""  # nothing secret, and nobody asked for it
        assert recorder.mails == [False]


def test_starttls_that_is_offered_and_refused(trusted: Authority) -> None:
    context = trusted.build_server_context("127.0.0.1")
    with run_server(auth=True, protocol=RefusingStartTls, tls_context=context) as (recorder, port):
        assert send_mail(f"smtp://{LOGIN}127.0.0.1:{port}") == "no_starttls"
    assert (recorder.logins, recorder.mails) == ([], [])


def test_a_private_authority_that_is_trusted(trusted: Authority) -> None:
    context = trusted.build_server_context("127.0.0.1")
    with run_server(auth=True, tls_context=context) as (recorder, port):
        assert send_mail(f"smtp://{LOGIN}127.0.0.1:{port}") == ""
        assert recorder.logins == [(b"ada", PASSWORD.encode())]
        assert send_mail(f"smtp://ada:wrong@127.0.0.1:{port}") == "sign_in_refused"
        assert send_mail(f"smtp://127.0.0.1:{port}?starttls=never") == ""
        assert recorder.mails == [True, False]
    with run_server(context, auth=True) as (recorder, port):
        assert send_mail(f"smtps://{LOGIN}127.0.0.1:{port}") == ""
        assert recorder.mails == [True]


def test_a_certificate_that_nobody_vouches_for(authority: Authority) -> None:
    context = authority.build_server_context("127.0.0.1")
    with run_server(auth=True, tls_context=context) as (recorder, port):
        for query in ("", "?starttls=required"):
            assert send_mail(f"smtp://{LOGIN}127.0.0.1:{port}{query}") == "certificate_refused"
        assert send_mail(f"smtp://127.0.0.1:{port}") == "certificate_refused"  # never in the clear after that
    with run_server(context) as (more, other_port):
        assert send_mail(f"smtps://127.0.0.1:{other_port}") == "certificate_refused"
    assert recorder.logins == recorder.mails == more.mails == []


def test_a_certificate_for_another_name(trusted: Authority) -> None:
    with run_server(trusted.build_server_context("127.0.0.2")) as (_, port):
        assert send_mail(f"smtps://127.0.0.1:{port}") == "certificate_refused"


def test_a_server_that_offers_no_sign_in(trusted: Authority) -> None:
    context = trusted.build_server_context("127.0.0.1")
    with run_server(context) as (recorder, port):
        assert send_mail(f"smtps://{LOGIN}127.0.0.1:{port}") == "no_auth"
    with run_server(context, auth=True, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as (other, other_port):
        assert send_mail(f"smtps://{LOGIN}127.0.0.1:{other_port}") == "no_auth"
    assert recorder.mails == other.mails == []


def test_a_server_that_does_not_encrypt_and_one_that_is_away() -> None:
    with run_server() as (_, port):
        assert send_mail(f"smtps://127.0.0.1:{port}") == "no_tls"
    assert send_mail(f"smtp://127.0.0.1:{port}") == "server_unreachable"
