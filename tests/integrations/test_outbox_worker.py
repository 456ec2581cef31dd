"""What is owed is handed over once, tried again where it failed, and visibly given up; nothing else sends anything."""

import time
from collections.abc import Mapping
from threading import Event
from typing import Any

import psycopg
import pytest

from api.composition.outbox import build_invitation_builder
from api.services import build_mail_settings
from domain.notifications.outbox import Notification
from domain.notifications.rules import RETRY_DELAYS_SECONDS
from domain.token import Token
from integrations.delivery import DeliveryAttempt
from integrations.mail.mail_delivery import MailDelivery
from integrations.outbox_worker import GRACE_SECONDS, LEASE, REST_FACTOR, OutboxWorker
from projections.outbox import OUTBOX
from replay.rebuild import begin_rebuild
from replay.verify.verification import run_verification
from tests.api_driver import GUEST
from tests.integrations.mail.outbox_driver import OutboxDriver, wait_until


class StubDelivery:
    """A delivery by mail that reaches nobody."""

    channel = "mail"
    failure_message = "%s %s %s"

    def describe_attempt(self, token: Token, notification: Notification) -> Mapping[str, Any]:
        """Describe an attempt."""
        return {"message_id": f"{notification.derive_id(token.id)}@stub"}

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Deliver at once."""
        return {"by": "console"}

    def release_idle_resources(self) -> None:
        """Nothing is held."""

    def interrupt(self) -> bool:
        """Nothing can be interrupted."""
        return False

    def close(self) -> None:
        """Nothing is open."""


class StalledMailDelivery(MailDelivery):
    """A delivery by mail that takes longer than the lease before it sends its data."""

    def __init__(self, outbox: OutboxDriver) -> None:
        services = outbox.api.services
        settings, invitations = build_mail_settings(services.settings), build_invitation_builder(services)
        super().__init__(settings, services.meeting_details, invitations, outbox.clock)
        self.clock = outbox.clock

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Deliver after the lease."""
        self.clock.offset += 2 * LEASE
        return super().deliver(attempt)


class HangingDelivery(StubDelivery):
    """A delivery to a server that does not answer before `may_end`."""

    def __init__(self) -> None:
        self.reached, self.may_end = Event(), Event()

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Wait for the server."""
        self.reached.set()
        self.may_end.wait(60)
        return super().deliver(attempt)


class SpinningDelivery(StubDelivery):
    """Uses 20 ms of the processor for each delivery, and stops its worker after ten."""

    worker: OutboxWorker

    def __init__(self) -> None:
        self.started_at: list[float] = []
        self.ended_at: list[float] = []
        self.spent_seconds: list[float] = []

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Use the processor."""
        self.started_at.append(time.monotonic())
        before = time.thread_time()
        while time.thread_time() < before + 0.02:
            pass
        self.spent_seconds.append(time.thread_time() - before)
        self.ended_at.append(time.monotonic())
        if len(self.ended_at) == 10:
            self.worker.request_stop()
        return super().deliver(attempt)


class TestLeases:
    """Workers keep apart, and hold nothing but their lease."""

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

    def test_one_after_the_other_for_each_reader(self, outbox: OutboxDriver) -> None:
        """What comes while an earlier mail is on its way waits until that is known to be over."""
        id, code = outbox.book_meeting()
        outbox.wait_for_read_models()
        leases = outbox.worker.leases
        lease_results = [leases.take_lease(("mail",), outbox.clock(), outbox.clock() + LEASE) for _ in range(3)]
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

    def test_an_expired_lease_is_lost_before_anything_is_sent(self, outbox: OutboxDriver) -> None:
        """A worker that was held up between its lease and the data sends nothing: another one has the mail by then."""
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        slow_worker = outbox.create_worker(StalledMailDelivery(outbox))
        assert slow_worker.deliver_next()
        slow_worker.delivery.close()
        assert outbox.smtp_server.messages == []
        assert outbox.list_notification_events(id) == []
        outbox.deliver_all()
        assert set(outbox.list_states(id).values()) == {"sent"}
        assert len(outbox.smtp_server.messages) == 2

    def test_a_worker_that_died_while_handing_over(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        leases = outbox.create_worker().leases
        lease = leases.take_lease(("mail",), outbox.clock(), outbox.clock() + LEASE)
        assert lease is not None
        assert leases.mark_handing_over(lease, outbox.clock())
        outbox.deliver_all()
        assert len(outbox.smtp_server.messages) == 1  # the other reader's
        outbox.clock.advance(seconds=100)
        outbox.deliver_all()
        assert [event["data"].get("reason") for event in outbox.list_notification_events(id)] == [
            None,
            "unknown_outcome",
        ]
        outbox.clock.advance(seconds=11)
        outbox.deliver_all()
        assert set(outbox.list_states(id).values()) == {"sent"}

    def test_a_worker_that_died_before_leaves_nothing_but_its_lease(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.wait_for_read_models()
        assert outbox.create_worker().leases.take_lease(("mail",), outbox.clock(), outbox.clock() + LEASE)
        outbox.clock.advance(seconds=100)
        outbox.deliver_all()
        assert {event["type"] for event in outbox.list_notification_events(id)} == {"MailSent.v1"}


class TestFailing:
    """Again and again, then visibly given up."""

    def test_backs_off_and_gives_up(self, outbox: OutboxDriver, caplog: pytest.LogCaptureFixture) -> None:
        id, code = outbox.book_meeting(140)
        outbox.smtp_server.refuse_data = "451 Later"
        outbox.deliver_all()
        for attempt_count, seconds in enumerate(RETRY_DELAYS_SECONDS, start=1):
            assert {notification["attempts"] for notification in outbox.list_notifications(id)} == {attempt_count}
            event_count = len(outbox.list_notification_events(id))
            outbox.clock.advance(seconds=seconds - 3)
            outbox.deliver_all()
            assert len(outbox.list_notification_events(id)) == event_count
            outbox.clock.advance(seconds=4)
            outbox.deliver_all()
            assert len(outbox.list_notification_events(id)) == event_count + 2
        assert set(outbox.list_states(id).values()) == {"failed"}
        assert "does not try again" in outbox.list_notification_events(id)[-1]["sentence"]
        outbox.clock.advance(days=1)
        outbox.deliver_all()
        assert len(outbox.list_notification_events(id)) == 2 * (len(RETRY_DELAYS_SECONDS) + 1)
        assert not any(secret in caplog.text for secret in (code, GUEST["email"], "/m/"))

    def test_a_server_that_is_away_costs_one_attempt_and_not_all(self, outbox: OutboxDriver) -> None:
        ids = [outbox.book_meeting(number)[0] for number in range(4)]
        outbox.smtp_server.stop_server()
        outbox.deliver_all()
        failed = [event for id in ids for event in outbox.list_notification_events(id)]
        assert [event["data"]["reason"] for event in failed] == ["server_unreachable"]
        assert outbox.worker.pause > 0
        outbox.smtp_server.start_server()
        outbox.clock.advance(seconds=11)
        outbox.deliver_all()
        assert len(set(outbox.smtp_server.list_message_ids())) == len(outbox.smtp_server.messages) == 8
        assert outbox.worker.pause == 0

    def test_a_lost_answer_goes_out_twice_at_most(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(140)
        outbox.smtp_server.lose_responses = True
        for _ in range(6):
            outbox.deliver_all()
            outbox.clock.advance(hours=2)
        assert {notification["failure"] for notification in outbox.list_notifications(id)} == {"unknown_outcome"}
        assert set(outbox.list_states(id).values()) == {"failed"}
        assert sorted(outbox.smtp_server.list_message_ids()) == sorted(
            [*set(outbox.smtp_server.list_message_ids())] * 2
        )
        assert len(outbox.smtp_server.messages) == 4


class TestStopping:
    """The service stops within seconds, whatever the servers do."""

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

    def test_stopping_leaves_a_delivery_alone_that_cannot_be_interrupted(self, outbox: OutboxDriver) -> None:
        """As a calendar's server that answers slowly: its thread ends with the process, and holds up nobody."""
        outbox.book_meeting()
        outbox.wait_for_read_models()
        delivery = HangingDelivery()
        worker = outbox.create_worker(delivery).start()
        assert delivery.reached.wait(60)
        started_at = time.monotonic()
        worker.stop()
        assert GRACE_SECONDS - 0.1 < time.monotonic() - started_at < GRACE_SECONDS + 5
        assert worker.is_alive
        delivery.may_end.set()
        wait_until(lambda: not worker.is_alive)


class TestResting:
    """Who waits for a page goes before any mail."""

    def test_leaves_most_of_the_processor_to_others(self, outbox: OutboxDriver) -> None:
        for number in range(5):
            outbox.book_meeting(number)
        outbox.wait_for_read_models()
        delivery = SpinningDelivery()
        worker = delivery.worker = outbox.create_worker(delivery)
        worker.run()
        rests = [start - end for start, end in zip(delivery.started_at[1:], delivery.ended_at, strict=False)]
        assert len(rests) == 9
        assert all(rest >= REST_FACTOR * spent for rest, spent in zip(rests, delivery.spent_seconds, strict=False))


class TestNotDue:
    """Which notifications are not sent, and why."""

    def test_a_meeting_that_is_over(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting()
        outbox.smtp_server.stop_server()
        outbox.clock.advance(days=10)
        outbox.deliver_all()
        assert outbox.list_notification_events(id) == []
        assert "owed" in outbox.list_states(id).values()  # by the clock of the API; the worker's is ten days ahead

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
        while new_worker.deliver_next():
            pass
        new_worker.delivery.close()
        assert len(outbox.smtp_server.messages) == 2
        assert len(outbox.list_notification_events(id)) == 2
