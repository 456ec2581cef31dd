"""What is owed is handed over once, tried again where it failed, and visibly given up; nothing else sends anything."""

import time
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api import clock
from api.app import build
from api.settings import Settings
from domain.notifications.outbox import BACK_OFF
from integrations import outbox_worker
from integrations.mail.mail_transport import Post
from projections.outbox import OUTBOX
from replay.rebuild import Rebuild
from replay.verify.verification import verify
from tests.api_driver import GUEST, House
from tests.integrations.mail.conftest import Desk
from tests.integrations.mail.smtp_server import Mailbox, calendar_of

EVERYBODY = ["guest", "host", "co_host"]
BOOKED = {("booked", "guest"): "sent", ("booked", "host"): "sent"}


class TestHandingOver:
    """A booking reaches everybody."""

    def test_to_guest_host_and_co_host(self, desk: Desk) -> None:
        id, _ = desk.book(co_host_ids=[desk.house.ids["engineer"]])
        assert {one["state"] for one in desk.told(id)} == {"owed"}
        desk.deliver()
        to = sorted(to for _, [to] in desk.box.envelopes)
        assert to == [f"{who}@nexora.example" for who in ("engineer",)] + [GUEST["email"], "member@nexora.example"]
        assert {sender for sender, _ in desk.box.envelopes} == {"book@nexora.example"}
        assert sorted(event["data"]["to"] for event in desk.events(id)) == sorted(EVERYBODY)
        assert {event["data"]["message_id"] for event in desk.events(id)} == {one[1:-1] for one in desk.box.ids()}
        assert [one["to"] for one in desk.told(id)] == EVERYBODY
        desk.deliver()
        assert len(desk.box.mails) == 3

    def test_not_to_who_has_left(self, desk: Desk) -> None:
        id, _ = desk.book(co_host_ids=[desk.house.ids["engineer"]])
        desk.house.post(f"/v1/people/{desk.house.ids['engineer']}/deactivate", None, "admin")
        desk.deliver()
        assert sorted(to for _, [to] in desk.box.envelopes) == [GUEST["email"], "member@nexora.example"]
        [left] = [one for one in desk.told(id) if one["to"] == "co_host"]
        assert (left["state"], left["failure"], left["attempts"]) == ("failed", "reader_left", 1)
        assert "The system could not mail" in str([event["sentence"] for event in desk.events(id)])

    def test_is_in_the_history_without_what_the_guest_gave(self, desk: Desk) -> None:
        id, code = desk.book()
        desk.deliver()
        sentences = {event["sentence"] for event in desk.events(id)}
        assert sentences == {
            "The system mailed the guest Grace Guest that the meeting was booked.",
            "The system mailed Member that the meeting was booked.",
        }
        text = str([event["data"] for event in desk.events(id)])
        assert not any(word in text for word in ("Grace", "grace", "guest.example", code))

    def test_by_two_couriers_at_once_goes_out_once(self, desk: Desk) -> None:
        ids = [desk.book(number)[0] for number in range(8)]
        desk.follow()
        desk.box.slow = 0.02
        couriers = [desk.hired().start() for _ in range(3)]
        try:
            wait_for(lambda: all(set(desk.states(id).values()) == {"sent"} for id in ids))
        finally:
            for one in couriers:
                one.stop()
        assert len(desk.box.mails) == len(set(desk.box.ids())) == 16

    def test_no_transaction_or_connection_is_held_meanwhile(self, desk: Desk) -> None:
        desk.book()
        desk.follow()
        desk.box.slow = 3.0
        one = desk.hired().start()
        busy = """SELECT count(*) AS n FROM pg_stat_activity AS session WHERE state LIKE 'idle in transaction%%'
            AND EXISTS (SELECT FROM pg_locks AS held JOIN pg_class AS relation ON relation.oid = held.relation
            WHERE held.pid = session.pid AND relation.relnamespace = %s::regnamespace)"""
        database = desk.house.oncelink.database

        def nothing_held() -> bool:
            stats = database.pool.get_stats()
            everything_back = stats["pool_available"] == stats["pool_size"]
            return everything_back and database.rows(busy, (database.schema,))[0]["n"] == 0

        try:
            wait_for(lambda: bool(database.rows("SELECT FROM {schema}.outbox_leases WHERE handing_over")))
            wait_for(nothing_held, 2.0)  # the follower may be at work for a moment
            assert database.rows("SELECT FROM {schema}.outbox_leases WHERE handing_over")
            assert desk.box.mails == []
        finally:
            one.stop()

    def test_the_latest_only(self, desk: Desk) -> None:
        id, code = desk.book()
        slots = desk.house.get(*later_slots(code))["slots"]
        desk.house.post(f"/v1/manage/{code}/reschedule", {"start": slots[5]["start"]})
        desk.deliver()
        assert desk.states(id) == {
            **{("rescheduled", to): "sent" for to in ("guest", "host")},
            **{("booked", to): "superseded" for to in ("guest", "host")},
        }
        [mail] = desk.box.to(GUEST["email"])
        assert mail["Subject"].startswith("Booked: ")  # they heard nothing of it before
        assert calendar_of(mail).walk("VEVENT")[0]["SEQUENCE"] == 1
        desk.house.post(f"/v1/manage/{code}/reschedule", {"start": slots[8]["start"]})
        desk.deliver()
        assert desk.box.to(GUEST["email"])[-1]["Subject"].startswith("Moved: ")

    def test_one_after_the_other_for_each_reader(self, desk: Desk) -> None:
        """What comes while an earlier mail is on its way waits until that is known to be over."""
        id, code = desk.book()
        desk.follow()
        leases = desk.courier.leases
        taken = [leases.take(("mail",), desk.now(), desk.now() + outbox_worker.LEASE) for _ in range(3)]
        assert [one is not None for one in taken] == [True, True, False]
        desk.house.post(f"/v1/manage/{code}/cancel", {})
        desk.deliver()
        assert desk.box.mails == []
        for one in filter(None, taken):
            leases.release(one)
        desk.deliver()
        assert desk.states(id)["cancelled", "guest"] == "sent"
        assert [mail["Subject"].split(":")[0] for mail in desk.box.mails] == ["Cancelled", "Cancelled"]


class TestFailing:
    """Again and again, then visibly given up."""

    def test_backs_off_and_gives_up(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        id, code = desk.book(140)
        desk.box.refuse_data = "451 Later"
        desk.deliver()
        for attempt, seconds in enumerate(BACK_OFF, start=1):
            assert {one["attempts"] for one in desk.told(id)} == {attempt}
            before = len(desk.events(id))
            desk.later(seconds=seconds - 3)
            desk.deliver()
            assert len(desk.events(id)) == before
            desk.later(seconds=4)
            desk.deliver()
            assert len(desk.events(id)) == before + 2
        assert set(desk.states(id).values()) == {"failed"}
        assert "does not try again" in desk.events(id)[-1]["sentence"]
        desk.later(days=1)
        desk.deliver()
        assert len(desk.events(id)) == 2 * (len(BACK_OFF) + 1)
        assert not any(secret in caplog.text for secret in (code, GUEST["email"], "/m/"))

    def test_a_refused_address_is_not_tried_again(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.box.refuse_rcpt = "550 No such mailbox"
        desk.deliver()
        assert {(one["state"], one["failure"], one["attempts"]) for one in desk.told(id)} == {
            ("failed", "address_refused", 1)
        }

    def test_a_server_that_is_away_costs_one_attempt_and_not_all(self, desk: Desk) -> None:
        ids = [desk.book(number)[0] for number in range(4)]
        desk.box.down()
        desk.deliver()
        failed = [event for id in ids for event in desk.events(id)]
        assert [event["data"]["reason"] for event in failed] == ["server_unreachable"]
        assert desk.courier.pause > 0
        desk.box.up()
        desk.later(seconds=11)
        desk.deliver()
        assert len(set(desk.box.ids())) == len(desk.box.mails) == 8
        assert desk.courier.pause == 0

    def test_a_lost_answer_goes_out_twice_at_most(self, desk: Desk) -> None:
        id, _ = desk.book(140)
        desk.box.lose_answers = True
        for _ in range(6):
            desk.deliver()
            desk.later(hours=2)
        assert {one["failure"] for one in desk.told(id)} == {"unknown_outcome"}
        assert set(desk.states(id).values()) == {"failed"}
        assert sorted(desk.box.ids()) == sorted([*set(desk.box.ids())] * 2)
        assert len(desk.box.mails) == 4

    def test_a_courier_that_died_while_handing_over(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.follow()
        leases = desk.hired().leases
        taken = leases.take(("mail",), desk.now(), desk.now() + outbox_worker.LEASE)
        assert taken is not None
        assert leases.hand_over(taken, desk.now())
        desk.deliver()
        assert len(desk.box.mails) == 1  # the other reader's
        desk.later(seconds=100)
        desk.deliver()
        assert [event["data"].get("reason") for event in desk.events(id)] == [None, "unknown_outcome"]
        desk.later(seconds=11)
        desk.deliver()
        assert set(desk.states(id).values()) == {"sent"}

    def test_a_courier_that_died_before_leaves_nothing_but_its_lease(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.follow()
        assert desk.hired().leases.take(("mail",), desk.now(), desk.now() + outbox_worker.LEASE)
        desk.later(seconds=100)
        desk.deliver()
        assert {event["type"] for event in desk.events(id)} == {"MailSent.v1"}

    def test_one_that_cannot_be_written_stops_no_other(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = desk.book(1)[0], desk.book(2)[0]
        write = outbox_worker.facts_of

        def broken(oncelink: Any, token: Any, until: Any) -> Any:
            if str(token.id) == first:
                raise ZeroDivisionError
            return write(oncelink, token, until)

        monkeypatch.setattr(outbox_worker, "facts_of", broken)
        desk.deliver()
        assert {one["failure"] for one in desk.told(first)} == {"not_written"}
        assert set(desk.states(second).values()) == {"sent"}

    def test_stopping_does_not_wait_for_a_server_that_hangs(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.follow()
        desk.box.slow = 20
        one = desk.hired().start()
        handing_over = "SELECT owed_id FROM {schema}.outbox_leases WHERE handing_over"
        wait_for(lambda: bool(desk.house.oncelink.database.rows(handing_over)))
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 10
        assert not one.alive
        assert set(desk.states(id).values()) == {"owed"}


class TestSendingAgain:
    """`POST /v1/bookings/{id}/mail/{mail_id}/send-again`, and the button."""

    def test_after_it_was_given_up(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.box.refuse_rcpt = "550 No"
        desk.deliver()
        desk.box.refuse_rcpt = None
        [guests] = [one for one in desk.told(id) if one["to"] == "guest"]
        answer = desk.house.post(f"/v1/bookings/{id}/mail/{guests['id']}/send-again", None, "member")
        assert (answer["state"], answer["attempts"]) == ("owed", 0)
        assert desk.house.send("POST", f"/v1/bookings/{id}/mail/{guests['id']}/send-again", who="member").is_success
        desk.deliver()
        assert desk.states(id) == {("booked", "guest"): "sent", ("booked", "host"): "failed"}
        assert [event["type"] for event in desk.events(id)][2:] == ["MailRequested.v1", "MailSent.v1"]
        requested = desk.events(id)[2]
        assert (
            requested["sentence"]
            == "Member asked for the guest Grace Guest to be mailed again that the meeting was booked."
        )

    def test_of_one_that_was_sent_is_a_new_mail(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.deliver()
        [guests] = [one for one in desk.told(id) if one["to"] == "guest"]
        desk.house.post(f"/v1/bookings/{id}/mail/{guests['id']}/send-again", None, "manager")
        desk.deliver()
        first, second = desk.box.to(GUEST["email"])
        assert first["Message-ID"] != second["Message-ID"]
        [a, b] = (calendar_of(mail).walk("VEVENT")[0] for mail in (first, second))
        assert a.to_ical() == b.to_ical()

    def test_not_of_what_is_superseded_erased_or_nobodys(self, desk: Desk) -> None:
        id, code = desk.book()
        desk.deliver()
        old = {one["to"]: one["id"] for one in desk.told(id)}
        desk.house.post(f"/v1/manage/{code}/cancel", {})
        for mail_id, status, error in (
            (old["guest"], 409, "nothing_to_send"),
            (id, 404, "not_found"),
            ("zqx", 404, "not_found"),
        ):
            answer = desk.house.send("POST", f"/v1/bookings/{id}/mail/{mail_id}/send-again", who="member")
            assert (answer.status_code, answer.json()["code"]) == (status, error)
        answer = desk.house.send("POST", f"/v1/bookings/{id}/mail/{old['host']}/send-again", who="engineer")
        assert answer.status_code == 404


class TestNotOwed:
    """What nobody is told, and why."""

    def test_a_guest_who_was_erased(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.house.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        desk.deliver()
        assert desk.states(id) == {("booked", "guest"): "erased", ("booked", "host"): "sent"}
        [(_, to)] = desk.box.envelopes
        assert to == ["member@nexora.example"]
        [mail] = [one for one in desk.told(id) if one["to"] == "guest"]
        answer = desk.house.send("POST", f"/v1/bookings/{id}/mail/{mail['id']}/send-again", who="member")
        assert answer.json()["code"] == "nothing_to_send"

    def test_a_meeting_that_is_over(self, desk: Desk) -> None:
        id, _ = desk.book()
        desk.box.down()
        desk.later(days=10)
        desk.deliver()
        assert desk.events(id) == []
        assert "owed" in desk.states(id).values()  # by the clock of the API; the courier's is ten days ahead

    def test_what_happened_before_there_was_an_outbox(self, desk: Desk, superuser_url: str) -> None:
        id, code = desk.book()
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            begin = "UPDATE {schema}.outbox_beginning SET began_at = now() + interval '1 second'"
            connection.execute(desk.house.oncelink.database.text(begin))
        time.sleep(1.1)
        desk.deliver()
        assert desk.box.mails == []
        assert set(desk.states(id).values()) == {"before"}
        desk.house.post(f"/v1/manage/{code}/cancel", {})
        desk.deliver()
        assert [mail["Subject"].split(":")[0] for mail in desk.box.mails] == ["Cancelled", "Cancelled"]


class TestReplaying:
    """Rebuild, as-of and verify with a courier at work: no mail."""

    def test_sends_nothing(self, desk: Desk) -> None:
        id, code = desk.book()
        desk.deliver()
        desk.house.post(f"/v1/manage/{code}/cancel", {})
        desk.deliver()
        sent = len(desk.box.mails)
        assert sent == 4
        database = desk.house.oncelink.database
        one = desk.hired().start()
        try:
            for _ in range(2):
                Rebuild.begun(database).run()
            assert verify(database).problems == []
            head = database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
            for at in range(1, head + 1):
                desk.house.get(f"/v1/as-of/meeting-log?at={at}", "auditor")
            time.sleep(0.5)
        finally:
            one.stop()
        assert len(desk.box.mails) == sent
        assert database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"] == head
        assert set(desk.states(id).values()) == {"sent"}

    def test_an_outbox_that_is_built_late_owes_no_more(self, desk: Desk) -> None:
        """The read model says what may be due, the log what is: a table that lags sends nothing twice."""
        id, _ = desk.book()
        desk.follow()
        desk.deliver()
        stale = "UPDATE {schema}.\"TABLE\" SET state = 'owed', due_at = caused_at".replace(
            "TABLE", desk.courier.leases.source.live_table(OUTBOX)
        )
        database = desk.house.oncelink.database
        with database.connection() as connection:
            connection.execute(database.text(stale))
        courier_new = desk.hired()
        post = Post(desk.house.oncelink.settings)
        while courier_new.deliver(desk.runner, post):
            pass
        desk.runner.run(post.hang_up())
        assert len(desk.box.mails) == 2
        assert len(desk.events(id)) == 2


class TestResting:
    """Who waits for a page goes before any mail."""

    def test_leaves_most_of_the_processor_to_others(self, desk: Desk) -> None:
        one, worked = outbox_worker.Courier(desk.house.oncelink), list[float]()

        def deal() -> bool:
            began = time.thread_time()
            while time.thread_time() < began + 0.02:
                pass
            worked.append(time.thread_time() - began)
            if len(worked) == 10:
                one.ask_to_stop()
            return True

        began = time.monotonic()
        one._rounds(deal)
        assert time.monotonic() - began >= sum(worked) + 3 * sum(worked[:-1])


class TestService:
    """Couriers run in the service, as many as the settings say."""

    def test_sends_by_itself(self, settings: Settings, box: Mailbox) -> None:
        mailing = settings.model_copy(update={**box.settings, "couriers": 2})
        with TestClient(build(mailing), raise_server_exceptions=False) as client:
            house = House.furnished(client)
            house.link("Talk", slug="talk")
            house.book("talk", house.slots("talk")[1])
            wait_for(lambda: len(box.mails) == 2)

    def test_prints_without_a_mail_server(self, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
        said = ""
        with TestClient(build(settings.model_copy(update={"couriers": 1})), raise_server_exceptions=False) as client:
            house = House.furnished(client)
            house.link("Talk", slug="talk")
            made = house.book("talk", house.slots("talk")[1])

            def printed() -> bool:
                nonlocal said
                said += capfd.readouterr().err
                return said.count("\nSubject: ") == 2

            wait_for(printed)
            assert made["manage_url"] in said
            id = made["booking"]["id"]
            wait_for(
                lambda: {one["state"] for one in house.get(f"/v1/bookings/{id}/mail", "member")["items"]} == {"sent"}
            )
            [event, _] = [
                row
                for row in house.get(f"/v1/history/streams/{id}", "auditor")["items"]
                if row["type"] == "MailSent.v1"
            ]
            assert "on the console" in event["sentence"]

    def test_counts_what_is_owed_and_given_up(self, desk: Desk) -> None:
        desk.book()
        desk.follow()
        assert 'oncelink_outbox_owed{channel="mail"} 2.0' in desk.house.client.get("/metrics").text
        desk.box.refuse_rcpt = "550 No"
        desk.deliver()
        metrics = desk.house.client.get("/metrics").text
        assert 'oncelink_outbox_owed{channel="mail"} 0.0' in metrics
        assert 'oncelink_outbox_failed{channel="mail"} 2.0' in metrics


def later_slots(code: str) -> tuple[str]:
    """Where a booking's other times are."""
    first = clock.now().date().isoformat()
    last = (clock.now() + outbox_worker.timedelta(days=5)).date().isoformat()
    return (f"/v1/manage/{code}/slots?from={first}&to={last}&time_zone=UTC",)


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Waits until something holds. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
