"""Guests who lost their way: the manage link mailed again, and a request for a new link. The answer tells nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from api.clock import read_clock
from domain.link_request import derive_link_request_id
from integrations.system_context import build_system_context
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import find_last_position
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import get_part

RECIPIENT = {"name": "Ann Lee", "email": "ann@acme.example"}


def book_link(api: ApiDriver, who: str = "member", **properties: Any) -> tuple[Any, Any]:
    """Issue a single-use link for Ann, and book it as Grace. Returns the link and the booking."""
    link = api.create_link(**properties)
    body = {"recipients": [RECIPIENT], "label": "Acme"}
    [single_use] = api.post(f"/v1/links/{link['id']}/single-use", body, who, 201)["items"]
    return single_use, api.book_meeting(single_use["code"], api.list_slots(single_use["code"])[0])


def count_mails(outbox: OutboxDriver) -> int:
    """Deliver what is due. Returns the number of mails so far."""
    outbox.deliver_all()
    return len(outbox.smtp_server.messages)


class TestResend:
    """POST /s/{code}/resend"""

    def test_mails_the_address_that_booked(self, outbox: OutboxDriver) -> None:
        api, guest = outbox.api, PageClient(outbox.api)
        single_use, booking = book_link(api)
        path = f"/s/{single_use['code']}"
        count = count_mails(outbox)
        page = guest.get(path)
        assert f'action="{path}/resend"' in page.text
        assert f'action="{path}/request"' in page.text
        answers = {guest.post(f"{path}/resend").text}
        assert count_mails(outbox) == count + 1
        mail = outbox.smtp_server.messages[-1]
        assert GUEST["email"] in mail["To"]
        assert booking["manage_url"] in get_part(mail, "text/plain")
        assert not any(RECIPIENT["email"] in str(message["To"]) for message in outbox.smtp_server.messages)
        for _ in range(4):
            answers.add(guest.post(f"{path}/resend").text)
            outbox.deliver_all()
        assert len(outbox.smtp_server.messages) == count + 3
        [unused] = api.create_codes(api.create_link())
        position = find_last_position(api)
        answers |= {guest.post(f"/s/{code}/resend").text for code in (unused, "nothing", "x" * 43)}
        assert find_last_position(api) == position
        assert len(answers) == 1
        assert guest.post(f"{path}/resend").status_code == 200

    def test_an_erased_or_finished_meeting_mails_nobody(self, outbox: OutboxDriver) -> None:
        api, guest = outbox.api, PageClient(outbox.api)
        single_use, _ = book_link(api)
        outbox.deliver_all()
        api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        position = find_last_position(api)
        assert guest.post(f"/s/{single_use['code']}/resend").status_code == 200
        assert find_last_position(api) == position


class TestRequest:
    """POST /s/{code}/request"""

    def test_mails_the_issuer_once_a_day(self, outbox: OutboxDriver) -> None:
        api, guest = outbox.api, PageClient(outbox.api)
        single_use, _ = book_link(api, "manager")
        path = f"/s/{single_use['code']}/request"
        count = count_mails(outbox)
        answers = {guest.post(path).text for _ in range(3)}
        assert count_mails(outbox) == count + 1
        mail = outbox.smtp_server.messages[-1]
        assert "manager@nexora.example" in mail["To"]
        assert mail["Subject"] == "New link wanted: Intro call for Ann Lee"
        page_path = f"/links/{single_use['link']['id']}/single-use/{single_use['id']}"
        assert page_path in get_part(mail, "text/plain")
        request_id = derive_link_request_id(UUID(single_use["id"]))
        story = api.get(f"/v1/history/streams/{request_id}", "auditor")["items"]
        assert story[0]["sentence"] == "A guest asked Manager for a new single-use link of “Intro call”."
        assert "that somebody needs a new single-use link" in story[1]["sentence"]
        page = PageClient(api, "manager").get(page_path)
        assert "asked Manager for a new single-use link" in extract_text(page)
        later = build_system_context(read_clock() + timedelta(days=1, minutes=1))
        assert api.services.lost_links.request_new_link(later, UUID(single_use["id"])) is not None
        assert len(api.get(f"/v1/history/streams/{request_id}", "auditor")["items"]) == 3
        [unused] = api.create_codes(api.create_link())
        position = find_last_position(api)
        answers |= {guest.post(f"/s/{code}/request").text for code in (unused, "nothing")}
        assert find_last_position(api) == position
        assert len(answers) == 1

    def test_also_where_the_link_lapsed_or_was_revoked(self, outbox: OutboxDriver) -> None:
        api, guest = outbox.api, PageClient(outbox.api)
        link = api.create_link()
        codes = api.create_codes(link, 2)
        api.patch(f"/v1/links/{link['id']}", {"expires_at": "2020-01-01T00:00:00Z"}, "member")
        page = guest.get(f"/s/{codes[0]}")
        assert f'action="/s/{codes[0]}/request"' in page.text
        assert f'action="/s/{codes[0]}/resend"' not in page.text
        guest.post(f"/s/{codes[0]}/request")
        outbox.deliver_all()
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        guest.post(f"/s/{codes[1]}/request")  # nobody is left to ask
        outbox.deliver_all()
        wanted = [mail for mail in outbox.smtp_server.messages if mail["Subject"].startswith("New link wanted")]
        assert len(wanted) == 1

    def test_where_the_host_left(self, outbox: OutboxDriver) -> None:
        api, guest = outbox.api, PageClient(outbox.api)
        link = api.create_link()
        [code] = api.create_codes(link, 1, "manager")
        guest.post(f"/s/{code}/request")
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        assert f'action="/s/{code}/request"' in guest.get(f"/s/{code}").text
        guest.post(f"/s/{code}/request")
        outbox.deliver_all()
        wanted = [mail for mail in outbox.smtp_server.messages if mail["Subject"].startswith("New link wanted")]
        assert ["manager@nexora.example" in mail["To"] for mail in wanted] == [True]

    def test_no_button_where_nothing_can_be_mailed(self, api: ApiDriver) -> None:
        single_use, _ = book_link(api)
        page = PageClient(api).get(f"/s/{single_use['code']}")
        assert page.status_code == 410
        assert "/resend" not in page.text
