"""Outbox workers run in the service, as many as the settings say."""

import logging

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import CONSOLE, Settings
from tests.api.pages.page_client import PageClient
from tests.api_driver import ApiDriver
from tests.integrations.mail.outbox_driver import OutboxDriver, wait_until
from tests.integrations.mail.smtp_server import SmtpServer


def list_states(api: ApiDriver, id: str) -> set[str]:
    """List the states of a booking's mails."""
    rows = api.get(f"/v1/bookings/{id}/mail", "manager")["items"]
    return {row["state"] for row in rows if row["state"] != "scheduled"}


class TestService:
    """A running service delivers by itself, and counts what it owes."""

    def test_sends_by_itself(self, settings: Settings, smtp_server: SmtpServer) -> None:
        mailing = settings.model_copy(update={**smtp_server.settings, "couriers": 2})
        with TestClient(build_app(mailing), raise_server_exceptions=False) as client:
            api = ApiDriver.create_organisation(client)
            api.create_link("Talk", slug="talk")
            api.book_meeting("talk", api.list_slots("talk")[1])
            wait_until(lambda: len(smtp_server.messages) == 2)

    def test_a_demo_prints(self, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
        error_output = ""
        with TestClient(
            build_app(settings.model_copy(update={"couriers": 1, "smtp_url": CONSOLE})), raise_server_exceptions=False
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
            wait_until(lambda: list_states(api, id) == {"sent"})
            [event, _] = [
                row for row in api.get(f"/v1/history/streams/{id}", "auditor")["items"] if row["type"] == "MailSent.v1"
            ]
            assert "no mail server" in event["sentence"]

    def test_without_a_mail_server_nothing_secret_is_logged(
        self, settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with (
            caplog.at_level(logging.DEBUG, "oncelink"),
            TestClient(build_app(settings.model_copy(update={"couriers": 1})), raise_server_exceptions=False) as client,
        ):
            api = ApiDriver.create_organisation(client)
            api.create_link("Talk", slug="talk")
            [code] = api.create_codes(api.create_link("Once"))
            starts = api.list_slots("talk")
            bookings = [api.book_meeting("talk", starts[1]), api.book_meeting(code, starts[3])]
            page = PageClient(api).post("/sign-in", {"email": "member@nexora.example"})
            assert "No mail was sent" in page.text
            assert "<code>oncelink sign-in EMAIL</code>" in page.text
            assert "cannot mail you" in PageClient(api).get("/sign-in").text
            for booking in bookings:
                wait_until(lambda id=booking["booking"]["id"]: list_states(api, id) == {"failed"})  # type: ignore[misc]
            rows = api.get(f"/v1/bookings/{bookings[0]['booking']['id']}/mail", "member")["items"]
            assert {row["failure"] for row in rows if row["state"] != "scheduled"} == {"no_mail_server"}
        output = caplog.text + "".join(capfd.readouterr())
        assert "there is no mail server" in output
        assert "no_mail_server" in output
        secrets = [booking["manage_url"].rsplit("/", 1)[1] for booking in bookings] + [code, "/sign-in/"]
        for secret in (*secrets, "Grace", "grace", "guest.example", "nexora.example", "Member", "Talk"):
            assert secret not in output, secret

    def test_counts_what_is_owed_and_given_up(self, outbox: OutboxDriver) -> None:
        outbox.book_meeting()
        outbox.wait_for_read_models()
        assert 'oncelink_outbox_owed{channel="mail"} 2.0' in outbox.api.client.get("/metrics").text
        outbox.smtp_server.refuse_rcpt = "550 No"
        outbox.deliver_all()
        metrics = outbox.api.client.get("/metrics").text
        assert 'oncelink_outbox_owed{channel="mail"} 0.0' in metrics
        assert 'oncelink_outbox_failed{channel="mail"} 2.0' in metrics
