"""Outbox workers run in the service, as many as the settings say."""

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api_driver import ApiDriver
from tests.integrations.mail.outbox_driver import OutboxDriver, wait_until
from tests.integrations.mail.smtp_server import SmtpServer


class TestService:
    """A running service delivers by itself, and counts what it owes."""

    def test_sends_by_itself(self, settings: Settings, smtp_server: SmtpServer) -> None:
        mailing = settings.model_copy(update={**smtp_server.settings, "couriers": 2})
        with TestClient(build_app(mailing), raise_server_exceptions=False) as client:
            api = ApiDriver.create_organisation(client)
            api.create_link("Talk", slug="talk")
            api.book_meeting("talk", api.list_slots("talk")[1])
            wait_until(lambda: len(smtp_server.messages) == 2)

    def test_prints_without_a_mail_server(self, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
        error_output = ""
        with TestClient(
            build_app(settings.model_copy(update={"couriers": 1})), raise_server_exceptions=False
        ) as client:
            api = ApiDriver.create_organisation(client)
            api.create_link("Talk", slug="talk")
            booking = api.book_meeting("talk", api.list_slots("talk")[1])

            def is_printed() -> bool:
                nonlocal error_output
                error_output += capfd.readouterr().err
                return error_output.count("\nSubject: ") == 2

            wait_until(is_printed)
            assert booking["manage_url"] in error_output
            id = booking["booking"]["id"]
            wait_until(
                lambda: (
                    {notification["state"] for notification in api.get(f"/v1/bookings/{id}/mail", "member")["items"]}
                    == {"sent"}
                )
            )
            [event, _] = [
                row for row in api.get(f"/v1/history/streams/{id}", "auditor")["items"] if row["type"] == "MailSent.v1"
            ]
            assert "on the console" in event["sentence"]

    def test_counts_what_is_owed_and_given_up(self, outbox: OutboxDriver) -> None:
        outbox.book_meeting()
        outbox.wait_for_read_models()
        assert 'oncelink_outbox_owed{channel="mail"} 2.0' in outbox.api.client.get("/metrics").text
        outbox.smtp_server.refuse_rcpt = "550 No"
        outbox.deliver_all()
        metrics = outbox.api.client.get("/metrics").text
        assert 'oncelink_outbox_owed{channel="mail"} 0.0' in metrics
        assert 'oncelink_outbox_failed{channel="mail"} 2.0' in metrics
