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

from api.app import build
from api.settings import Settings, WrongSetting, read_settings
from tests.api.pages.page_client import Visitor
from tests.api_driver import House
from tests.once.server_processes import free_port


class Kept:
    """What a mail server was handed."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps a mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def kept() -> Iterator[tuple[Kept, int]]:
    """A mail server, and its port."""
    found, port = Kept(), free_port()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    yield found, port
    controller.stop()


def mailing(settings: Settings, port: int) -> Settings:
    """The settings with a mail server."""
    return settings.model_copy(
        update={"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "Oncelink <hello@nexora.example>"}
    )


def test_a_sign_in_link_comes_by_mail(settings: Settings, kept: tuple[Kept, int]) -> None:
    mails, port = kept
    with TestClient(build(mailing(settings, port))) as client:
        house = House.furnished(client)
        for who in ("member", "nobody"):
            assert Visitor(house).post("/sign-in", {"email": f"{who}@nexora.example"}).status_code == 200
        [mail] = mails.mails
        assert mail["To"] == "Member <member@nexora.example>"
        assert mail["From"] == "Oncelink <hello@nexora.example>"
        text, page = (part.get_content() for part in mail.iter_parts())
        [path] = re.findall(r"http://testserver(/sign-in/\S+)", text)
        assert f'href="http://testserver{path}"' in page
        visitor = Visitor(house)
        assert visitor.post(path).status_code == 303
        assert visitor.signed_in()


def test_a_mail_server_that_is_away_is_no_secret(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with TestClient(build(mailing(settings, free_port()))) as client, caplog.at_level(logging.ERROR):
        house = House.furnished(client)
        assert Visitor(house).post("/sign-in", {"email": "member@nexora.example"}).status_code == 200
    [record] = [one for one in caplog.records if "could not be handed over" in one.message]
    assert record.levelno == logging.ERROR
    assert "/sign-in/" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"smtp_url": "http://mail.example"}, "ONCELINK_SMTP_URL"),
        ({"smtp_url": "smtp://"}, "ONCELINK_SMTP_URL"),
        ({"smtp_url": "smtp://mail.example"}, "ONCELINK_MAIL_FROM"),
    ],
)
def test_a_wrong_setting_stops_the_start(given: dict[str, str], names: str) -> None:
    with pytest.raises(WrongSetting, match=names):
        read_settings(**given)
