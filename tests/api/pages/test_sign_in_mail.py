"""Mail goes to a real SMTP server, and a server that is away is said in the log, without what the mail holds."""

import logging
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings, WrongSetting, read_settings
from tests.api.pages.page_client import PageClient
from tests.api_driver import ApiDriver
from tests.waiting import find_free_port


class MailRecorder:
    """Records the messages that a mail server receives."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps a mail."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[tuple[MailRecorder, int]]:
    """A mail server, and its port."""
    recorder, port = MailRecorder(), find_free_port()
    controller = Controller(recorder, hostname="127.0.0.1", port=port)
    controller.start()
    yield recorder, port
    controller.stop()


def add_mail_server(settings: Settings, port: int) -> Settings:
    """The settings with a mail server."""
    return settings.model_copy(
        update={"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "Oncelink <hello@nexora.example>"}
    )


def test_a_sign_in_link_comes_by_mail(settings: Settings, mail_server: tuple[MailRecorder, int]) -> None:
    recorder, port = mail_server
    with TestClient(build_app(add_mail_server(settings, port))) as client:
        api = ApiDriver.create_organisation(client)
        for who in ("member", "nobody"):
            assert PageClient(api).post("/sign-in", {"email": f"{who}@nexora.example"}).status_code == 200
        [message] = recorder.messages
        assert message["To"] == "Member <member@nexora.example>"
        assert message["From"] == "Oncelink <hello@nexora.example>"
        text, page = (part.get_content() for part in message.iter_parts())
        [path] = re.findall(r"http://testserver(/sign-in/\S+)", text)
        assert f'href="http://testserver{path}"' in page
        page_client = PageClient(api)
        assert page_client.post(path).status_code == 303
        assert page_client.is_signed_in()


def test_a_mail_server_that_is_away_is_no_secret(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with TestClient(build_app(add_mail_server(settings, find_free_port()))) as client, caplog.at_level(logging.ERROR):
        api = ApiDriver.create_organisation(client)
        assert PageClient(api).post("/sign-in", {"email": "member@nexora.example"}).status_code == 200
    [record] = [
        log_record for log_record in caplog.records if "could not be mailed: server_unreachable" in log_record.message
    ]
    assert record.levelno == logging.ERROR
    assert "/sign-in/" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("changed_settings", "names"),
    [
        ({"smtp_url": "http://mail.example"}, "ONCELINK_SMTP_URL"),
        ({"smtp_url": "smtp://"}, "ONCELINK_SMTP_URL"),
        ({"smtp_url": "smtp://mail.example"}, "ONCELINK_MAIL_FROM"),
    ],
)
def test_a_wrong_setting_stops_the_start(changed_settings: dict[str, str], names: str) -> None:
    with pytest.raises(WrongSetting, match=names):
        read_settings(**changed_settings)
