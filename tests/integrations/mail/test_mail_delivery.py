"""Delivery by mail: to every recipient, the latest only, again on request, and what is refused for good."""

import pytest

from api.composition.outbox import build_invitation_builder
from api.services import build_mail_settings
from domain.token import Token
from integrations.mail.mail_delivery import MailDelivery
from integrations.meeting_details import MeetingDetails
from integrations.meeting_details_loader import MeetingDetailsLoader
from tests.api_driver import GUEST
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import parse_calendar

EVERYBODY = ["guest", "host", "co_host"]


class TestDelivery:
    """A booking's notifications reach every recipient."""

    def test_to_guest_host_and_co_host(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(co_host_ids=[outbox.api.ids["engineer"]])
        assert {notification["state"] for notification in outbox.list_notifications(id)} == {"owed"}
        outbox.deliver_all()
        to = sorted(to for _, [to] in outbox.smtp_server.envelopes)
        assert to == [f"{who}@nexora.example" for who in ("engineer",)] + [GUEST["email"], "member@nexora.example"]
        assert {sender for sender, _ in outbox.smtp_server.envelopes} == {"book@nexora.example"}
        assert sorted(event["data"]["to"] for event in outbox.list_notification_events(id)) == sorted(EVERYBODY)
        assert {event["data"]["message_id"] for event in outbox.list_notification_events(id)} == {
            message_id[1:-1] for message_id in outbox.smtp_server.list_message_ids()
        }
        assert [notification["to"] for notification in outbox.list_notifications(id)] == EVERYBODY
        outbox.deliver_all()
        assert len(outbox.smtp_server.messages) == 3

    def test_not_to_who_has_left(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(co_host_ids=[outbox.api.ids["engineer"]])
        outbox.api.post(f"/v1/people/{outbox.api.ids['engineer']}/deactivate", None, "admin")
        outbox.deliver_all()
        assert sorted(to for _, [to] in outbox.smtp_server.envelopes) == [GUEST["email"], "member@nexora.example"]
        [leaver_notification] = [
            notification for notification in outbox.list_notifications(id) if notification["to"] == "co_host"
        ]
        assert (leaver_notification["state"], leaver_notification["failure"], leaver_notification["attempts"]) == (
            "failed",
            "reader_left",
            1,
        )
        assert "The system could not mail" in str([event["sentence"] for event in outbox.list_notification_events(id)])

    def test_a_guest_who_was_erased(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        outbox.deliver_all()
        assert outbox.list_states(id) == {("booked", "guest"): "erased", ("booked", "host"): "sent"}
        [(_, to)] = outbox.smtp_server.envelopes
        assert to == ["member@nexora.example"]
        [notification] = [candidate for candidate in outbox.list_notifications(id) if candidate["to"] == "guest"]
        response = outbox.api.send_request(
            "POST", f"/v1/bookings/{id}/mail/{notification['id']}/send-again", who="member"
        )
        assert response.json()["code"] == "nothing_to_send"

    def test_is_in_the_history_without_what_the_guest_gave(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        outbox.deliver_all()
        sentences = {event["sentence"] for event in outbox.list_notification_events(id)}
        assert sentences == {
            "The system mailed the guest Grace Guest that the meeting was booked.",
            "The system mailed Member that the meeting was booked.",
        }
        text = str([event["data"] for event in outbox.list_notification_events(id)])
        assert not any(secret_text in text for secret_text in ("Grace", "grace", "guest.example", code))

    def test_the_latest_only(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        slots = outbox.list_slots_to_move(code)
        outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": slots[5]["start"]})
        outbox.deliver_all()
        assert outbox.list_states(id) == {
            **{("rescheduled", to): "sent" for to in ("guest", "host")},
            **{("booked", to): "superseded" for to in ("guest", "host")},
        }
        [message] = outbox.smtp_server.find_messages(GUEST["email"])
        assert message["Subject"].startswith("Booked: ")  # they heard nothing of it before
        assert parse_calendar(message).walk("VEVENT")[0]["SEQUENCE"] == 1
        outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": slots[8]["start"]})
        outbox.deliver_all()
        assert outbox.smtp_server.find_messages(GUEST["email"])[-1]["Subject"].startswith("Moved: ")


class TestFailing:
    """What is wrong with one mail concerns no other."""

    def test_a_refused_address_is_not_tried_again(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.smtp_server.refuse_rcpt = "550 No such mailbox"
        outbox.deliver_all()
        assert {
            (notification["state"], notification["failure"], notification["attempts"])
            for notification in outbox.list_notifications(id)
        } == {("failed", "address_refused", 1)}

    @pytest.mark.parametrize("takes_utf8", [True, False])
    def test_letters_beyond_ascii_need_smtputf8(self, outbox: OutboxDriver, takes_utf8: bool) -> None:
        outbox.smtp_server.stop_server()
        outbox.smtp_server.takes_utf8 = takes_utf8
        outbox.smtp_server.start_server()
        outbox.api.create_link("Talk", slug="utf8")
        guest = GUEST | {"email": "josé@xn--bcher-kva.example"}
        body = {"start": outbox.api.list_slots("utf8")[3], "guest": guest}
        booked = outbox.api.post("/v1/book/utf8", body, None, 201)["booking"]
        outbox.deliver_all()
        states = {one["to"]: (one["state"], one["failure"]) for one in outbox.list_notifications(booked["id"])}
        assert states["host"] == ("sent", None)  # an address of the other kind is not held up
        if not takes_utf8:
            assert states["guest"] == ("failed", "no_smtputf8")
            return
        assert states["guest"] == ("sent", None)
        [message] = outbox.smtp_server.find_messages("josé@xn--bcher-kva.example")
        assert message["To"] == "Grace Guest <josé@xn--bcher-kva.example>"
        entry = parse_calendar(message).to_ical().replace(b"\r\n ", b"")
        assert b"mailto:jos%C3%A9@xn--bcher-kva.example" in entry  # RFC 6068: a URI is in ASCII

    def test_one_that_cannot_be_written_stops_no_other(self, outbox: OutboxDriver) -> None:
        first_id, second_id = outbox.book_meeting(1)[0], outbox.book_meeting(2)[0]
        services = outbox.api.services

        class FailingLoader(MeetingDetailsLoader):
            def load_details(self, token: Token, until: int | None = None) -> MeetingDetails:
                if str(token.id) == first_id:
                    raise ZeroDivisionError
                return services.meeting_details.load_details(token, until)

        loader = FailingLoader(
            services.scheduling,
            services.reader,
            services.settings.base_url,
            services.build_manage_url,
            services.build_single_use_url,
        )
        delivery = MailDelivery(
            build_mail_settings(services.settings), loader, build_invitation_builder(services), outbox.clock
        )
        outbox.deliver_all(outbox.create_worker(delivery))
        assert {notification["failure"] for notification in outbox.list_notifications(first_id)} == {"not_written"}
        assert set(outbox.list_states(second_id).values()) == {"sent"}


class TestSendingAgain:
    """`POST /v1/bookings/{id}/mail/{mail_id}/send-again`, and the button."""

    def test_after_it_was_given_up(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.smtp_server.refuse_rcpt = "550 No"
        outbox.deliver_all()
        outbox.smtp_server.refuse_rcpt = None
        [guests] = [notification for notification in outbox.list_notifications(id) if notification["to"] == "guest"]
        notification_after = outbox.api.post(f"/v1/bookings/{id}/mail/{guests['id']}/send-again", None, "member")
        assert (notification_after["state"], notification_after["attempts"]) == ("owed", 0)
        assert outbox.api.send_request(
            "POST", f"/v1/bookings/{id}/mail/{guests['id']}/send-again", who="member"
        ).is_success
        outbox.deliver_all()
        assert outbox.list_states(id) == {("booked", "guest"): "sent", ("booked", "host"): "failed"}
        assert [event["type"] for event in outbox.list_notification_events(id)][2:] == [
            "MailRequested.v1",
            "MailSent.v1",
        ]
        request_event = outbox.list_notification_events(id)[2]
        assert (
            request_event["sentence"]
            == "Member asked for the guest Grace Guest to be mailed again that the meeting was booked."
        )

    def test_of_one_that_was_sent_is_a_new_mail(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.deliver_all()
        [guests] = [notification for notification in outbox.list_notifications(id) if notification["to"] == "guest"]
        outbox.api.post(f"/v1/bookings/{id}/mail/{guests['id']}/send-again", None, "manager")
        outbox.deliver_all()
        first_message, second_message = outbox.smtp_server.find_messages(GUEST["email"])
        assert first_message["Message-ID"] != second_message["Message-ID"]
        [a, b] = (parse_calendar(message).walk("VEVENT")[0] for message in (first_message, second_message))
        assert a.to_ical() == b.to_ical()

    def test_not_of_what_is_superseded_erased_or_nobodys(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        outbox.deliver_all()
        old_ids = {notification["to"]: notification["id"] for notification in outbox.list_notifications(id)}
        outbox.api.post(f"/v1/manage/{code}/cancel", {})
        for mail_id, status, error in (
            (old_ids["guest"], 409, "nothing_to_send"),
            (id, 404, "not_found"),
            ("zqx", 404, "not_found"),
        ):
            response = outbox.api.send_request("POST", f"/v1/bookings/{id}/mail/{mail_id}/send-again", who="member")
            assert (response.status_code, response.json()["code"]) == (status, error)
        response = outbox.api.send_request(
            "POST", f"/v1/bookings/{id}/mail/{old_ids['host']}/send-again", who="engineer"
        )
        assert response.status_code == 404
