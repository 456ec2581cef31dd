"""The page of a meeting shows what everybody was told, and sends it again."""

import re

from tests.api.pages.page_client import Visitor, text_of
from tests.integrations.mail.conftest import Desk

BUTTON = re.compile(r'action="(/meeting-log/[^"/]+/mail/[^"]+)"')


def test_shows_a_failure_and_sends_again(desk: Desk) -> None:
    id, _ = desk.book()
    desk.box.refuse_rcpt = "550 No"
    desk.deliver()
    visitor = Visitor(desk.house, "member")
    page = visitor.get(f"/meeting-log/{id}")
    assert "the address was refused" in text_of(page)
    assert "Failed" in text_of(page)
    actions = BUTTON.findall(page.text)
    assert len(actions) == 2
    desk.box.refuse_rcpt = None
    for action in actions:
        answer = visitor.post(action)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/meeting-log/{id}")
    assert BUTTON.findall(visitor.get(f"/meeting-log/{id}").text) == []  # they are waiting
    desk.deliver()
    page = visitor.get(f"/meeting-log/{id}")
    assert "mailed the guest Grace Guest that the meeting was booked" in text_of(page)
    assert len(BUTTON.findall(page.text)) == 2
    assert len(desk.box.mails) == 2


def test_who_may_not_change_the_booking_has_no_button(desk: Desk) -> None:
    id, _ = desk.book()
    desk.deliver()
    action = BUTTON.findall(Visitor(desk.house, "manager").get(f"/meeting-log/{id}").text)[0]
    for role, status in (("auditor", 403), ("engineer", 404)):
        visitor = Visitor(desk.house, role)
        assert BUTTON.findall(visitor.get(f"/meeting-log/{id}").text) == []
        assert visitor.post(action).status_code == status
    assert [event["type"] for event in desk.events(id)] == ["MailSent.v1"] * 2


def test_one_that_was_superseded_meanwhile_says_so(desk: Desk) -> None:
    id, code = desk.book()
    desk.deliver()
    visitor = Visitor(desk.house, "member")
    [action, *_] = BUTTON.findall(visitor.get(f"/meeting-log/{id}").text)
    desk.house.post(f"/v1/manage/{code}/cancel", {})
    assert visitor.post(action).status_code == 303
    assert "This is not sent again" in visitor.get(f"/meeting-log/{id}").text
