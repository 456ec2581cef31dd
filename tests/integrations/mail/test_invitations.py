"""Invitations of people who were added: mailed by the outbox, with a sign-in link that is in no event and no log."""

import re
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest

from domain.invitation import derive_invitation_id
from tests.api.pages.page_client import PageClient, extract_text
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.test_unsent_mail import deliver_without_server

NORA = {"name": "Nóra Lindgren", "email": "nora@nexora.example", "time_zone": "Europe/Stockholm"}


def add_nora(outbox: OutboxDriver, **more: Any) -> str:
    """Add a person by the API; their id."""
    return str(outbox.api.post("/v1/people", NORA | more, "admin", 201)["id"])


def read_sign_in_path(message: EmailMessage) -> str:
    """The path of the sign-in link of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    [path] = re.findall(r"/sign-in/[\w-]{43}", body.get_content())
    return str(path)


def test_who_is_added_is_mailed_a_link_that_signs_in_once(outbox: OutboxDriver) -> None:
    person_id = add_nora(outbox)
    assert outbox.api.get(f"/v1/people/{person_id}", "admin")["version"] == 1
    outbox.deliver_all()
    [message] = outbox.smtp_server.messages
    assert str(message["To"]) == "Nóra Lindgren <nora@nexora.example>"
    assert message["Subject"] == "You are invited to Oncelink"
    path = read_sign_in_path(message)
    page_client = PageClient(outbox.api)
    assert "Nóra Lindgren" in page_client.get(path).text
    assert page_client.post(path).headers["location"].startswith("/welcome")
    assert PageClient(outbox.api).post(path).status_code == 410
    code = path.rsplit("/", 1)[1]
    database = outbox.api.services.database
    assert database.fetch_rows("SELECT count(*) AS n FROM {schema}.events WHERE data::text ~ %s", (code,))[0]["n"] == 0
    events = outbox.list_notification_events(str(derive_invitation_id(UUID(person_id))))
    assert [row["sentence"] for row in events] == ["The system mailed Nóra Lindgren that they are invited to sign in."]
    assert outbox.api.get(f"/v1/people/{person_id}", "admin")["version"] == 1
    outbox.deliver_all()
    assert len(outbox.smtp_server.messages) == 1


def test_an_admin_sends_it_again_with_another_link(outbox: OutboxDriver) -> None:
    person_id = add_nora(outbox)
    admin = PageClient(outbox.api, "admin")
    path = f"/admin/people/{person_id}"
    assert "It goes out in a moment." in extract_text(admin.get(path))
    assert admin.post(f"{path}/invite").status_code == 303  # it is on its way: nothing new
    outbox.deliver_all()
    assert "Send it again" in extract_text(admin.get(path))
    outbox.api.post(f"/v1/people/{person_id}/invite", None, "admin")
    outbox.deliver_all()
    first, second = outbox.smtp_server.messages
    assert first["Message-ID"] != second["Message-ID"]
    assert read_sign_in_path(first) != read_sign_in_path(second)
    outbox.api.post(f"/v1/people/{person_id}/invite", None, "manager", 403)
    outbox.api.post(f"/v1/people/{person_id}/deactivate", None, "admin")
    assert outbox.api.post(f"/v1/people/{person_id}/invite", None, "admin", 409)["code"] == "nothing_to_send"


def test_nobody_is_invited_who_left_before_the_mail_was_sent(outbox: OutboxDriver) -> None:
    person_id = add_nora(outbox)
    outbox.api.post(f"/v1/people/{person_id}/deactivate", None, "admin")
    outbox.deliver_all()
    assert outbox.smtp_server.messages == []


def test_people_from_before_and_without_invitation_can_be_invited(outbox: OutboxDriver) -> None:
    person_id = add_nora(outbox, invite=False)
    outbox.deliver_all()
    assert outbox.smtp_server.messages == []
    admin = PageClient(outbox.api, "admin")
    assert "They were not invited by mail." in extract_text(admin.get(f"/admin/people/{person_id}"))
    assert admin.post(f"/admin/people/{person_id}/invite").headers["location"] == f"/admin/people/{person_id}"
    outbox.deliver_all()
    assert len(outbox.smtp_server.messages) == 1


def test_without_a_mail_server_the_admin_is_told_and_no_log_has_a_link(
    outbox: OutboxDriver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    admin = PageClient(outbox.api, "admin")
    form = {**NORA, "roles": "member", "invite": "on", "key": "k" * 22}
    assert admin.post("/admin/people/new", form).headers["location"] == "/admin/people"
    outbox.wait_for_read_models()
    [person] = outbox.api.get("/v1/people?q=lindgren", "admin")["items"]
    deliver_without_server(outbox)
    page = extract_text(admin.get(f"/admin/people/{person['id']}"))
    assert "It was not sent, because there is no mail server." in page
    unsent = admin.get("/admin/mail").text
    assert f'href="/admin/people/{person["id"]}"' in unsent
    assert f'action="/admin/people/{person["id"]}/invite"' in unsent
    output = capfd.readouterr()
    assert "/sign-in/" not in caplog.text + output.out + output.err
    assert admin.post(f"/admin/people/{person['id']}/invite").status_code == 303
    outbox.deliver_all()
    assert len(outbox.smtp_server.messages) == 1


def test_a_retry_of_a_request_from_before_invitations_is_recognised(outbox: OutboxDriver) -> None:
    first = outbox.api.send_request("POST", "/v1/people", NORA, "admin", Idempotency_Key="same")
    again = outbox.api.send_request("POST", "/v1/people", NORA | {"invite": True}, "admin", Idempotency_Key="same")
    assert (again.status_code, again.json()) == (201, first.json())
    other = outbox.api.send_request("POST", "/v1/people", NORA | {"invite": False}, "admin", Idempotency_Key="same")
    assert other.status_code == 422
