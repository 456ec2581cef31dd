"""An SMTP server, and an organisation whose outbox the test delivers."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api_driver import ApiDriver
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import SmtpServer, run_smtp_server


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """An SMTP server."""
    with run_smtp_server() as running_server:
        yield running_server


@pytest.fixture
def outbox(settings: Settings, smtp_server: SmtpServer) -> Iterator[OutboxDriver]:
    """A running service with an organisation; the test delivers its outbox."""
    with TestClient(
        build_app(settings.model_copy(update=smtp_server.settings)), raise_server_exceptions=False
    ) as client:
        yield OutboxDriver(ApiDriver.create_organisation(client), smtp_server)
