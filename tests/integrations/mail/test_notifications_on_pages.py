"""The page of a meeting shows its notifications and sends them again."""

import re

from tests.api.pages.page_client import PageClient, extract_text
from tests.integrations.mail.outbox_driver import OutboxDriver

BUTTON = re.compile(r'action="(/meeting-log/[^"/]+/mail/[^"]+)"')


def test_shows_a_failure_and_sends_again(outbox: OutboxDriver) -> None:
    id, _ = outbox.book_meeting()
    outbox.smtp_server.refuse_rcpt = "550 No"
    outbox.deliver_all()
    page_client = PageClient(outbox.api, "member")
    page = page_client.get(f"/meeting-log/{id}")
    assert "the address was refused" in extract_text(page)
    assert "2 mails Failed" in extract_text(page)
    actions = BUTTON.findall(page.text)
    assert len(actions) == 2
    outbox.smtp_server.refuse_rcpt = None
    for action in actions:
        response = page_client.post(action)
        assert (response.status_code, response.headers["location"]) == (303, f"/meeting-log/{id}")
    assert BUTTON.findall(page_client.get(f"/meeting-log/{id}").text) == []  # they are waiting
    outbox.deliver_all()
    page = page_client.get(f"/meeting-log/{id}")
    assert "2 mails Sent" in extract_text(page)
    assert "The system" not in extract_text(page)
    history = extract_text(PageClient(outbox.api, "auditor").get(f"/history/{id}"))
    assert "2 mails Sent" in history
    assert "mailed the guest Grace Guest that the meeting was booked" in history
    assert len(BUTTON.findall(page.text)) == 2
    assert len(outbox.smtp_server.messages) == 2


def test_who_may_not_change_the_booking_has_no_button(outbox: OutboxDriver) -> None:
    id, _ = outbox.book_meeting()
    outbox.deliver_all()
    action = BUTTON.findall(PageClient(outbox.api, "manager").get(f"/meeting-log/{id}").text)[0]
    for role, status in (("auditor", 403), ("engineer", 404)):
        page_client = PageClient(outbox.api, role)
        assert BUTTON.findall(page_client.get(f"/meeting-log/{id}").text) == []
        assert page_client.post(action).status_code == status
    assert [event["type"] for event in outbox.list_notification_events(id)] == ["MailSent.v1"] * 2


def test_one_that_was_superseded_meanwhile_says_so(outbox: OutboxDriver) -> None:
    id, code = outbox.book_meeting()
    outbox.deliver_all()
    page_client = PageClient(outbox.api, "member")
    [action, *_] = BUTTON.findall(page_client.get(f"/meeting-log/{id}").text)
    outbox.api.post(f"/v1/manage/{code}/cancel", {})
    assert page_client.post(action).status_code == 303
    assert "This is not sent again" in page_client.get(f"/meeting-log/{id}").text
