"""Mails that were not sent: admins see them, and send them again when there is a mail server."""

from dataclasses import replace

from api.cli.doctor import check_unsent_mail
from api.composition.outbox import build_invitation_builder, build_mail_delivery
from api.services import build_mail_settings
from api.settings import CONSOLE
from integrations.mail.mail_delivery import MailDelivery
from projections import outbox_backlog
from tests.api.pages.page_client import PageClient, extract_text
from tests.integrations.mail.outbox_driver import OutboxDriver


def deliver_without_server(outbox: OutboxDriver) -> None:
    """Deliver everything that is due as a service without a mail server does."""
    services = outbox.api.services
    mail_settings = replace(build_mail_settings(services.settings), smtp_url="")
    invitations = build_invitation_builder(services)
    delivery = MailDelivery(mail_settings, services.meeting_details, invitations, outbox.clock)
    outbox.deliver_all(outbox.create_worker(delivery))


def test_admins_see_what_was_not_sent_and_send_it_again(outbox: OutboxDriver) -> None:
    later_id, _ = outbox.book_meeting(6)
    sooner_id, _ = outbox.book_meeting(3)
    deliver_without_server(outbox)
    assert outbox.smtp_server.messages == []
    rows = outbox.api.get("/v1/unsent-mail", "admin")["items"]
    assert [row["booking_id"] for row in rows] == [sooner_id] * 2 + [later_id] * 2
    assert {(row["state"], row["failure"], row["attempts"]) for row in rows} == {("failed", "no_mail_server", 1)}
    page_client = PageClient(outbox.api, "admin")
    text = extract_text(page_client.get("/admin/mail"))
    assert f"Mail goes out through 127.0.0.1:{outbox.smtp_server.port}, from Nexora Bookings" in text
    assert text.count("Not sent there is no mail server") == 4
    assert "Not sent there is no mail server" in extract_text(page_client.get(f"/meeting-log/{later_id}"))
    story = [event["sentence"] for event in outbox.list_notification_events(later_id)]
    assert any("because there is no mail server, and does not try again" in sentence for sentence in story)
    check = check_unsent_mail(outbox.api.services.database)
    assert (check.ok, check.finding[:45]) == (False, "4 mails about meetings to come were not sent:")
    response = page_client.post("/admin/mail/send-again")
    assert response.status_code == 303
    assert "4 mails go out again in a moment." in page_client.get("/admin/mail").text
    outbox.deliver_all()
    assert len(outbox.smtp_server.messages) == 4
    assert set(outbox.list_states(later_id).values()) == {"sent"}
    assert "Every mail was sent" in page_client.get("/admin/mail").text
    assert check_unsent_mail(outbox.api.services.database).ok


def test_one_that_is_tried_again_by_itself_is_shown_and_left_alone(outbox: OutboxDriver) -> None:
    outbox.book_meeting()
    outbox.smtp_server.stop_server()
    outbox.deliver_all()
    outbox.wait_for_read_models()
    [row] = outbox.api.get("/v1/unsent-mail", "admin")["items"]  # the other waits for the server to be back
    assert (row["state"], row["failure"]) == ("owed", "server_unreachable")
    assert outbox.api.post("/v1/unsent-mail/send-again", {}, "admin") == {"requested": 0, "has_more": False}
    text = extract_text(PageClient(outbox.api, "admin").get("/admin/mail"))
    assert "Waiting the mail server could not be reached" in text


def test_many_are_sent_again_in_several_requests(outbox: OutboxDriver) -> None:
    outbox.book_meeting(co_host_ids=[outbox.api.ids["engineer"]])
    deliver_without_server(outbox)
    source, now = outbox.api.services.live_source, outbox.clock()
    assert outbox_backlog.count_unsent_mails(source, now, 2) == 2
    first = outbox_backlog.list_unsent_mails(source, now, 2)
    rest = outbox_backlog.list_unsent_mails(source, now, 2, first.next_cursor)
    assert (len(first.items), len(rest.items), rest.next_cursor) == (2, 1, None)


def test_only_admins(outbox: OutboxDriver) -> None:
    for who in ("member", "manager", "auditor"):
        assert outbox.api.get("/v1/unsent-mail", who, 403)["code"] == "forbidden"
        assert outbox.api.post("/v1/unsent-mail/send-again", {}, who, 403)["code"] == "forbidden"
        assert PageClient(outbox.api, who).get("/admin/mail").status_code == 403
        assert PageClient(outbox.api, who).post("/admin/mail/send-again").status_code == 403


def test_a_service_without_a_mail_server_says_what_is_missing(outbox: OutboxDriver) -> None:
    services = outbox.api.services
    settings = services.settings.model_copy(update={"smtp_url": "", "mail_from": ""})
    outbox.api.client.app.state.services = replace(services, settings=settings)  # type: ignore[attr-defined]
    outbox.book_meeting()
    outbox.deliver_all(outbox.create_worker(build_mail_delivery(outbox.api.services)))
    page = PageClient(outbox.api, "admin").get("/admin/mail")
    assert "Set ONCELINK_SMTP_URL and ONCELINK_MAIL_FROM, and restart" in extract_text(page)
    assert "Grace Guest" in page.text
    assert "Send all again" not in page.text
    demo = services.settings.model_copy(update={"smtp_url": CONSOLE})
    outbox.api.client.app.state.services = replace(services, settings=demo)  # type: ignore[attr-defined]
    assert "prints mails in its terminal" in PageClient(outbox.api, "admin").get("/admin/mail").text
