"""Single-use links that are mailed to their recipients: once, while they can be booked, and visibly when not."""

import json
from typing import Any
from uuid import UUID

from projections.outbox import list_booking_notifications
from tests.api.pages.page_client import PageClient, extract_text
from tests.integrations.mail.outbox_driver import OutboxDriver

GRACE = {"name": "Grace", "email": "grace@recipients.example"}


def send_link(outbox: OutboxDriver, **body: Any) -> Any:
    """Issue a link that is mailed to its recipient."""
    link = outbox.api.create_link("Sent")
    body = {"recipients": [GRACE], "send": True} | body
    return outbox.api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"][0]


def list_mails(outbox: OutboxDriver, one: Any) -> list[Any]:
    """What became of the mails to a recipient."""
    services = outbox.api.services
    rows = list_booking_notifications(services.from_log(), UUID(one["id"]), services.clock())
    return [row for row in rows if row["to"] == "recipient"]


def list_texts(outbox: OutboxDriver) -> list[str]:
    """The plain texts of the mails that arrived."""
    return [str(message.get_body(("plain",)).get_content()) for message in outbox.smtp_server.messages]  # type: ignore[union-attr]


def test_goes_to_its_recipient_once_with_the_message(outbox: OutboxDriver) -> None:
    link = outbox.api.create_link("Sent")
    path = f"/v1/links/{link['id']}/single-use"
    other = {"name": "Ada", "email": "ada@recipients.example"}
    body = {"recipients": [GRACE, other], "send": True, "message": "See you soon", "only_recipient": True}
    first = outbox.api.post(path, body, "member", 201, Idempotency_Key="s" * 32)["items"]
    assert outbox.api.post(path, body, "member", 201, Idempotency_Key="s" * 32)["items"] == first
    outbox.deliver_all()
    outbox.deliver_all()
    assert {str(message["To"]) for message in outbox.smtp_server.messages} == {
        "Grace <grace@recipients.example>",
        "Ada <ada@recipients.example>",
    }
    texts = list_texts(outbox)
    assert len(texts) == 2
    for item in first:
        [text] = [text for text in texts if item["url"] in text]
        assert "See you soon" in text
        assert "only with this e-mail address" in text
    stored = outbox.api.services.database.fetch_rows("SELECT data::text AS data FROM {schema}.events")
    assert not any("See you soon" in row["data"] for row in stored)


def test_nothing_is_sent_once_it_is_revoked_used_or_closed(outbox: OutboxDriver) -> None:
    api = outbox.api
    revoked, used, closed = send_link(outbox), send_link(outbox), send_link(outbox)
    api.post(f"/v1/single-use/{revoked['id']}/revoke", {}, "member")
    api.book_meeting(used["code"], api.list_slots(used["code"])[0])
    api.post(f"/v1/links/{closed['link']['id']}/disable", None, "member")
    outbox.deliver_all()
    assert not any("/s/" in text for text in list_texts(outbox))
    rows = [list_mails(outbox, one) for one in (revoked, used, closed)]
    assert [[(row["state"], row["failure"]) for row in mails] for mails in rows] == [
        [("superseded", None)],
        [("superseded", None)],
        [("failed", "link_closed")],
    ]


def test_its_page_shows_the_mail_and_sends_it_again(outbox: OutboxDriver) -> None:
    one, issuer = send_link(outbox), PageClient(outbox.api, "member")
    path = f"/links/{one['link']['id']}/single-use/{one['id']}"
    assert "Waiting" in extract_text(issuer.get(path))
    assert issuer.post(f"{path}/send", {"message": "", "back": "/"}).status_code == 303  # it waits: nothing new
    outbox.deliver_all()
    assert "Send it again" in extract_text(issuer.get(path))
    assert issuer.post(f"{path}/send", {"message": "Once more", "back": "/"}).status_code == 303
    outbox.deliver_all()
    assert ["Once more" in text for text in list_texts(outbox)] == [False, True]
    assert PageClient(outbox.api, "manager").post(f"{path}/send", {"message": "", "back": "/"}).status_code == 403


def test_needs_an_address_and_an_open_link(outbox: OutboxDriver) -> None:
    link = outbox.api.create_link("Refused")
    path = f"/v1/links/{link['id']}/single-use"
    for body, field in (
        ({"send": True}, "send"),
        ({"send": True, "recipients": [{"name": "Nameless"}]}, "send"),
        ({"message": "Hello", "recipients": [GRACE]}, "message"),
    ):
        assert outbox.api.post(path, body, "member", 422)["errors"][0]["field"] == field
    outbox.api.post(f"/v1/links/{link['id']}/disable", None, "member")
    assert outbox.api.post(path, {"send": True, "recipients": [GRACE]}, "member", 422)["errors"][0]["field"] == "send"


def test_a_list_of_recipients_is_mailed_too(outbox: OutboxDriver) -> None:
    link, issuer = outbox.api.create_link("Listed"), PageClient(outbox.api, "member")
    path = f"/links/{link['id']}/recipients"
    form = {
        "key": "k" * 24,
        "recipients": json.dumps([GRACE]),
        "send": "on",
        "message": "To all",
        "only_recipient": "on",
    }
    nameless = {**form, "recipients": json.dumps([GRACE, {"name": "Nobody"}])}
    assert "everybody needs an e-mail address" in issuer.upload(f"{path}/made", nameless).text
    assert issuer.upload(f"{path}/made", form).status_code == 303
    outbox.deliver_all()
    [text] = list_texts(outbox)
    assert "To all" in text
    assert "only with this e-mail address" in text
