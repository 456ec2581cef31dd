"""What is owed is handed over once, tried again where it failed, and visibly given up; nothing else sends anything."""

import time
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api import clock
from api.app import build_app
from api.settings import Settings
from domain.notifications.outbox import RETRY_DELAYS_SECONDS
from integrations import outbox_worker
from integrations.mail.mail_transport import MailTransport
from projections.outbox import OUTBOX
from replay.rebuild import begin_rebuild
from replay.verify.verification import run_verification
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.mail.conftest import OutboxDriver
from tests.integrations.mail.smtp_server import SmtpServer, parse_calendar

EVERYBODY = ["guest", "host", "co_host"]
BOOKED = {("booked", "guest"): "sent", ("booked", "host"): "sent"}


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

    def test_by_two_workers_at_once_goes_out_once(self, outbox: OutboxDriver) -> None:
        ids = [outbox.book_meeting(number)[0] for number in range(8)]
        outbox.wait_for_read_models()
        outbox.smtp_server.delay_seconds = 0.02
        workers = [outbox.create_worker().start() for _ in range(3)]
        try:
            wait_until(lambda: all(set(outbox.list_states(id).values()) == {"sent"} for id in ids))
        finally:
            for worker in workers:
                worker.stop()
        assert len(outbox.smtp_server.messages) == len(set(outbox.smtp_server.list_message_ids())) == 16

    def test_no_transaction_or_connection_is_held_meanwhile(self, outbox: OutboxDriver) -> None:
        outbox.book_meeting()
        outbox.wait_for_read_models()
        outbox.smtp_server.delay_seconds = 3.0
        worker = outbox.create_worker().start()
        busy = """SELECT count(*) AS n FROM pg_stat_activity AS session WHERE state LIKE 'idle in transaction%%'
            AND EXISTS (SELECT FROM pg_locks AS held JOIN pg_class AS relation ON relation.oid = held.relation
            WHERE held.pid = session.pid AND relation.relnamespace = %s::regnamespace)"""
        database = outbox.api.services.database

        def is_nothing_held() -> bool:
            stats = database.pool.get_stats()
            everything_back = stats["pool_available"] == stats["pool_size"]
            return everything_back and database.fetch_rows(busy, (database.schema,))[0]["n"] == 0

        try:
            wait_until(lambda: bool(database.fetch_rows("SELECT FROM {schema}.outbox_leases WHERE handing_over")))
            wait_until(is_nothing_held, 2.0)  # the follower may be at work for a moment
            assert database.fetch_rows("SELECT FROM {schema}.outbox_leases WHERE handing_over")
            assert outbox.smtp_server.messages == []
        finally:
            worker.stop()

    def test_the_latest_only(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        slots = outbox.api.get(*build_slots_query(code))["slots"]
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

    def test_one_after_the_other_for_each_reader(self, outbox: OutboxDriver) -> None:
        """What comes while an earlier mail is on its way waits until that is known to be over."""
        id, code = outbox.book_meeting()
        outbox.wait_for_read_models()
        leases = outbox.worker.leases
        lease_results = [
            leases.take_lease(("mail",), outbox.read_clock(), outbox.read_clock() + outbox_worker.LEASE)
            for _ in range(3)
        ]
        assert [lease is not None for lease in lease_results] == [True, True, False]
        outbox.api.post(f"/v1/manage/{code}/cancel", {})
        outbox.deliver_all()
        assert outbox.smtp_server.messages == []
        for lease in filter(None, lease_results):
            leases.release_lease(lease)
        outbox.deliver_all()
        assert outbox.list_states(id)["cancelled", "guest"] == "sent"
        assert [message["Subject"].split(":")[0] for message in outbox.smtp_server.messages] == [
            "Cancelled",
            "Cancelled",
        ]


class TestFailing:
    """Again and again, then visibly given up."""

    def test_backs_off_and_gives_up(self, outbox: OutboxDriver, caplog: pytest.LogCaptureFixture) -> None:
        id, code = outbox.book_meeting(140)
        outbox.smtp_server.refuse_data = "451 Later"
        outbox.deliver_all()
        for attempt_count, seconds in enumerate(RETRY_DELAYS_SECONDS, start=1):
            assert {notification["attempts"] for notification in outbox.list_notifications(id)} == {attempt_count}
            event_count = len(outbox.list_notification_events(id))
            outbox.advance_clock(seconds=seconds - 3)
            outbox.deliver_all()
            assert len(outbox.list_notification_events(id)) == event_count
            outbox.advance_clock(seconds=4)
            outbox.deliver_all()
            assert len(outbox.list_notification_events(id)) == event_count + 2
        assert set(outbox.list_states(id).values()) == {"failed"}
        assert "does not try again" in outbox.list_notification_events(id)[-1]["sentence"]
        outbox.advance_clock(days=1)
        outbox.deliver_all()
        assert len(outbox.list_notification_events(id)) == 2 * (len(RETRY_DELAYS_SECONDS) + 1)
        assert not any(secret in caplog.text for secret in (code, GUEST["email"], "/m/"))

    def test_a_refused_address_is_not_tried_again(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.smtp_server.refuse_rcpt = "550 No such mailbox"
        outbox.deliver_all()
        assert {
            (notification["state"], notification["failure"], notification["attempts"])
            for notification in outbox.list_notifications(id)
        } == {("failed", "address_refused", 1)}

    def test_a_server_that_is_away_costs_one_attempt_and_not_all(self, outbox: OutboxDriver) -> None:
        ids = [outbox.book_meeting(number)[0] for number in range(4)]
        outbox.smtp_server.stop_server()
        outbox.deliver_all()
        failed = [event for id in ids for event in outbox.list_notification_events(id)]
        assert [event["data"]["reason"] for event in failed] == ["server_unreachable"]
        assert outbox.worker.pause > 0
        outbox.smtp_server.start_server()
        outbox.advance_clock(seconds=11)
        outbox.deliver_all()
        assert len(set(outbox.smtp_server.list_message_ids())) == len(outbox.smtp_server.messages) == 8
        assert outbox.worker.pause == 0

    def test_a_lost_answer_goes_out_twice_at_most(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(140)
        outbox.smtp_server.lose_responses = True
        for _ in range(6):
            outbox.deliver_all()
            outbox.advance_clock(hours=2)
        assert {notification["failure"] for notification in outbox.list_notifications(id)} == {"unknown_outcome"}
        assert set(outbox.list_states(id).values()) == {"failed"}
        assert sorted(outbox.smtp_server.list_message_ids()) == sorted(
            [*set(outbox.smtp_server.list_message_ids())] * 2
        )
        assert len(outbox.smtp_server.messages) == 4

    def test_a_worker_that_died_while_handing_over(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        leases = outbox.create_worker().leases
        lease = leases.take_lease(("mail",), outbox.read_clock(), outbox.read_clock() + outbox_worker.LEASE)
        assert lease is not None
        assert leases.mark_handing_over(lease, outbox.read_clock())
        outbox.deliver_all()
        assert len(outbox.smtp_server.messages) == 1  # the other reader's
        outbox.advance_clock(seconds=100)
        outbox.deliver_all()
        assert [event["data"].get("reason") for event in outbox.list_notification_events(id)] == [
            None,
            "unknown_outcome",
        ]
        outbox.advance_clock(seconds=11)
        outbox.deliver_all()
        assert set(outbox.list_states(id).values()) == {"sent"}

    def test_a_worker_that_died_before_leaves_nothing_but_its_lease(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        assert outbox.create_worker().leases.take_lease(
            ("mail",), outbox.read_clock(), outbox.read_clock() + outbox_worker.LEASE
        )
        outbox.advance_clock(seconds=100)
        outbox.deliver_all()
        assert {event["type"] for event in outbox.list_notification_events(id)} == {"MailSent.v1"}

    def test_one_that_cannot_be_written_stops_no_other(
        self, outbox: OutboxDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first_id, second_id = outbox.book_meeting(1)[0], outbox.book_meeting(2)[0]
        write = outbox_worker.load_meeting_details

        def fail_for_first(services: Any, token: Any, until: Any) -> Any:
            if str(token.id) == first_id:
                raise ZeroDivisionError
            return write(services, token, until)

        monkeypatch.setattr(outbox_worker, "load_meeting_details", fail_for_first)
        outbox.deliver_all()
        assert {notification["failure"] for notification in outbox.list_notifications(first_id)} == {"not_written"}
        assert set(outbox.list_states(second_id).values()) == {"sent"}

    def test_stopping_does_not_wait_for_a_server_that_hangs(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        outbox.smtp_server.delay_seconds = 20
        worker = outbox.create_worker().start()
        handing_over = "SELECT owed_id FROM {schema}.outbox_leases WHERE handing_over"
        wait_until(lambda: bool(outbox.api.services.database.fetch_rows(handing_over)))
        started_at = time.monotonic()
        worker.stop()
        assert time.monotonic() - started_at < 10
        assert not worker.is_alive
        assert set(outbox.list_states(id).values()) == {"owed"}


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


class TestNotOwed:
    """Which notifications are not sent, and why."""

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

    def test_a_meeting_that_is_over(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.smtp_server.stop_server()
        outbox.advance_clock(days=10)
        outbox.deliver_all()
        assert outbox.list_notification_events(id) == []
        assert "owed" in outbox.list_states(id).values()  # by the clock of the API; the courier's is ten days ahead

    def test_what_happened_before_there_was_an_outbox(self, outbox: OutboxDriver, superuser_url: str) -> None:
        id, code = outbox.book_meeting()
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            statement = "UPDATE {schema}.outbox_beginning SET began_at = now() + interval '1 second'"
            connection.execute(outbox.api.services.database.compose_query(statement))
        time.sleep(1.1)
        outbox.deliver_all()
        assert outbox.smtp_server.messages == []
        assert set(outbox.list_states(id).values()) == {"before"}
        outbox.api.post(f"/v1/manage/{code}/cancel", {})
        outbox.deliver_all()
        assert [message["Subject"].split(":")[0] for message in outbox.smtp_server.messages] == [
            "Cancelled",
            "Cancelled",
        ]


class TestReplaying:
    """Rebuild, as-of and verify while a worker runs: no mail."""

    def test_sends_nothing(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        outbox.deliver_all()
        outbox.api.post(f"/v1/manage/{code}/cancel", {})
        outbox.deliver_all()
        message_count = len(outbox.smtp_server.messages)
        assert message_count == 4
        database = outbox.api.services.database
        worker = outbox.create_worker().start()
        try:
            for _ in range(2):
                begin_rebuild(database).run()
            assert run_verification(database).problems == []
            head = database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
            for at in range(1, head + 1):
                outbox.api.get(f"/v1/as-of/meeting-log?at={at}", "auditor")
            time.sleep(0.5)
        finally:
            worker.stop()
        assert len(outbox.smtp_server.messages) == message_count
        assert database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"] == head
        assert set(outbox.list_states(id).values()) == {"sent"}

    def test_an_outbox_that_is_built_late_owes_no_more(self, outbox: OutboxDriver) -> None:
        """The read model says what may be due, the log what is: a table that lags sends nothing twice."""
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        outbox.deliver_all()
        statement = "UPDATE {schema}.\"TABLE\" SET state = 'owed', due_at = caused_at".replace(
            "TABLE", outbox.worker.leases.source.find_live_table(OUTBOX)
        )
        database = outbox.api.services.database
        with database.acquire_connection() as connection:
            connection.execute(database.compose_query(statement))
        new_worker = outbox.create_worker()
        transport = MailTransport(outbox.api.services.settings)
        while new_worker.process_next_mail(outbox.runner, transport):
            pass
        outbox.runner.run(transport.disconnect())
        assert len(outbox.smtp_server.messages) == 2
        assert len(outbox.list_notification_events(id)) == 2


class TestResting:
    """Who waits for a page goes before any mail."""

    def test_leaves_most_of_the_processor_to_others(self, outbox: OutboxDriver) -> None:
        worker, work_seconds = outbox_worker.OutboxWorker(outbox.api.services), list[float]()

        def use_processor() -> bool:
            thread_time_before = time.thread_time()
            while time.thread_time() < thread_time_before + 0.02:
                pass
            work_seconds.append(time.thread_time() - thread_time_before)
            if len(work_seconds) == 10:
                worker.request_stop()
            return True

        started_at = time.monotonic()
        worker._run_loop(use_processor)
        assert time.monotonic() - started_at >= sum(work_seconds) + 3 * sum(work_seconds[:-1])


class TestService:
    """Couriers run in the service, as many as the settings say."""

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


def build_slots_query(code: str) -> tuple[str]:
    """Where a booking's other times are."""
    first = clock.read_clock().date().isoformat()
    last = (clock.read_clock() + outbox_worker.timedelta(days=5)).date().isoformat()
    return (f"/v1/manage/{code}/slots?from={first}&to={last}&time_zone=UTC",)


def wait_until(condition: Any, seconds: float = 60.0) -> None:
    """Wait until a condition is true. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
