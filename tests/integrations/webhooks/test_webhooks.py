"""Webhooks as a receiver sees them: signed, in order, tried again, replayed, and never where they must not go."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from threading import Thread
from typing import Any, get_args

import pytest

from api.composition.webhooks import build_webhook_worker
from integrations.calendars.http_client import GuardedHttpClient
from integrations.webhooks.event_types import WebhookType
from integrations.webhooks.schedule import PAUSES
from integrations.webhooks.secrets import EndpointSecrets
from integrations.webhooks.sending import WebhookSender
from tests.api.refusals import assert_problem
from tests.api.remaining_data import iterate_relations
from tests.api_driver import GUEST
from tests.conftest import SchemaPools
from tests.integrations.mail.smtp_server import run_smtp_server
from tests.integrations.webhooks.receiver import Answer, Receiver, run_receiver
from tests.integrations.webhooks.webhook_driver import WebhookDriver

LINKS = ["link.created"]


@pytest.fixture(scope="module")
def driver(schema_pools: SchemaPools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookDriver]:
    """A running organisation that may send to loopback, a mail server, and a worker that the test runs."""
    with run_smtp_server() as smtp:
        overrides: dict[str, Any] = {**smtp.settings, "calendar_allowed_networks": "127.0.0.0/8", "couriers": 0}
        with schema_pools.run_service(tmp_path_factory.mktemp("data"), **overrides) as api:
            driver = WebhookDriver(api, smtp)
            api.create_link("First", slug="first")
            yield driver
            driver.worker.stop()


@pytest.fixture
def receiver(driver: WebhookDriver) -> Iterator[Receiver]:
    """A receiver that nothing was sent to; webhooks of earlier tests are removed."""
    for webhook in driver.api.get("/v1/webhooks", "manager")["items"]:
        driver.api.send_request("DELETE", f"/v1/webhooks/{webhook['id']}", who="manager")
    with run_receiver() as receiver:
        driver.receiver = receiver
        yield receiver


def measure_wait(driver: WebhookDriver, id: str) -> timedelta:
    """Measure how long after the last attempt the next one is due."""
    attempted_at = datetime.fromisoformat(driver.list_deliveries(id)[0]["at"])
    return datetime.fromisoformat(driver.get(id)["next_attempt_at"]) - attempted_at


def test_a_meeting_is_told_in_order_and_signed(driver: WebhookDriver, receiver: Receiver) -> None:
    id = driver.create()
    booking = driver.api.book_meeting("first", driver.api.list_slots("first")[0])["booking"]
    driver.api.post(f"/v1/bookings/{booking['id']}/cancel", {"reason": "Ill"}, "member")
    driver.deliver()
    assert receiver.flaws == []
    assert [body["type"] for body in receiver.bodies] == ["booking.created", "booking.cancelled"]
    created, cancelled = receiver.bodies
    assert created.keys() == {"id", "type", "timestamp", "position", "data"}
    assert created["data"]["booking_id"] == booking["id"]
    assert (created["data"]["status"], cancelled["data"]["status"]) == ("scheduled", "cancelled")
    assert created["position"] < cancelled["position"] == driver.get(id)["position"]
    assert "grace" not in str(receiver.bodies).lower()


def test_samples_are_like_what_is_sent(driver: WebhookDriver, receiver: Receiver) -> None:
    driver.create()
    link = driver.api.create_link("Sampled", slug="sampled")
    [token] = driver.api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    driver.api.post(f"/v1/single-use/{token['id']}/revoke", {}, "member")
    driver.api.book_meeting("sampled", driver.api.list_slots("sampled")[1])
    driver.deliver()
    samples = driver.list_types()
    assert set(samples) == set(get_args(WebhookType))
    for body in receiver.bodies:
        assert body["data"].keys() == samples[body["type"]]["data"].keys(), body["type"]
    assert len({body["type"] for body in receiver.bodies}) == 4


def test_full_details_follow_an_erasure(driver: WebhookDriver, receiver: Receiver) -> None:
    id = driver.create(details="full")
    guest = GUEST | {"name": "Wanda Zqx", "email": "wanda@zqx.example"}
    start = driver.api.list_slots("first")[2]
    driver.api.post("/v1/book/first", {"start": start, "guest": guest}, None, 201)
    driver.deliver()
    assert receiver.bodies[0]["data"]["guest"]["email"] == "wanda@zqx.example"
    driver.api.post("/v1/erasures", {"email": "wanda@zqx.example"}, "admin", 201)
    driver.api.post(f"/v1/webhooks/{id}/replay", {"from_position": receiver.bodies[0]["position"]}, "manager")
    driver.deliver()
    assert receiver.ids == [receiver.ids[0]] * 2
    assert (receiver.bodies[1]["data"]["guest"], receiver.bodies[1]["data"]["erased"]) == (None, True)
    assert "zqx" not in str(receiver.bodies[1])


def test_hundreds_arrive_in_order_and_again_on_replay(driver: WebhookDriver, receiver: Receiver) -> None:
    """Every 20th attempt fails in one way or another; the receiver never sees an event before an earlier one."""
    answers: list[Answer] = [(500, {}), (302, {"Location": "/elsewhere"}), None, (429, {"Retry-After": "1"})]
    receiver.answer = lambda number: answers[number // 20 % 4] if number % 20 == 19 else (200, {})
    link = driver.api.create_link("Many")
    for _ in range(2):
        driver.api.post(f"/v1/links/{link['id']}/single-use", {"count": 100}, "member", 201)
    id = driver.create()
    driver.api.post(f"/v1/webhooks/{id}/replay", {"from_position": 0}, "manager")
    expected = driver.list_log_ids(id)
    assert len(expected) > 200
    for _ in range(100):
        driver.deliver()
        if driver.get(id)["failed_attempts"] == 0:
            break
        driver.mark_due(id)
    assert receiver.flaws == []
    assert list(dict.fromkeys(receiver.ids)) == expected
    assert len(receiver.ids) > len(expected)
    positions = [body["position"] for body in receiver.bodies]
    assert positions == sorted(positions)
    by_id = {body["id"]: body for body in receiver.bodies}
    assert all(by_id[body["id"]] == body for body in receiver.bodies)


@pytest.mark.parametrize(
    ("answer", "reason", "pause"),
    [
        ((500, {"Retry-After": "1000"}), "refused 500", 5),
        ((301, {"Location": "http://127.0.0.1:1/"}), "redirected 301", 5),
        ((429, {"Retry-After": "1000"}), "refused 429", 1000),
        ((503, {"Retry-After": "2"}), "refused 503", 5),
        (None, "no_connection", 5),
    ],
)
def test_a_failure_waits(driver: WebhookDriver, receiver: Receiver, answer: Answer, reason: str, pause: int) -> None:
    receiver.answer = lambda number: answer
    id = driver.create(types=LINKS)
    driver.api.create_link("One")
    driver.api.create_link("Two")
    driver.deliver()
    driver.deliver()  # not due: nothing is sent
    webhook, [delivery] = driver.get(id), driver.list_deliveries(id)
    assert len(receiver.bodies) == 1
    assert (webhook["problem"], webhook["failed_attempts"], webhook["active"]) == (reason, 1, True)
    assert measure_wait(driver, id) == timedelta(seconds=pause)
    assert (delivery["event_id"], delivery["delivered"]) == (receiver.ids[0], False)


def test_410_ends_it_at_once_and_its_owner_is_mailed(driver: WebhookDriver, receiver: Receiver) -> None:
    receiver.answer = lambda number: (410, {})
    id = driver.create(types=LINKS)
    driver.api.create_link("One")
    driver.deliver()
    webhook = driver.get(id)
    assert (webhook["active"], webhook["problem"]) == (False, "gone 410")
    assert webhook["disabled_at"]
    mail = driver.smtp.messages[-1]
    assert "webhook was disabled" in str(mail["subject"])
    assert "urlsecretzqx" not in mail.as_string()
    receiver.answer = lambda number: (204, {})
    driver.api.patch(f"/v1/webhooks/{id}", {"active": True}, "manager")
    driver.deliver()
    assert receiver.ids == [receiver.ids[0]] * 2
    assert driver.get(id)["disabled_at"] is None


def test_after_the_last_retry_it_is_disabled(driver: WebhookDriver, receiver: Receiver) -> None:
    """Ten attempts, at the times of the standard, with the same id; then it is over, and the owner knows."""
    receiver.answer = lambda number: (500, {})
    id, mail_count = driver.create(types=LINKS), len(driver.smtp.messages)
    driver.api.create_link("One")
    for pause in PAUSES:
        driver.deliver()
        assert measure_wait(driver, id) == pause
        driver.mark_due(id)
    driver.deliver()
    assert receiver.ids == [receiver.ids[0]] * 10
    assert (driver.get(id)["active"], len(driver.smtp.messages) - mail_count) == (False, 1)


def test_a_hanging_receiver_delays_no_other(driver: WebhookDriver, receiver: Receiver) -> None:
    with run_receiver() as hanging:
        hanging.answer = lambda number: (204, {}) if hanging.released.wait(5) else None
        slow = driver.create(url=hanging.url, types=LINKS)
        driver.create(types=LINKS)
        driver.api.create_link("One")
        driver.worker.start_due_deliveries()
        while not receiver.bodies and driver.worker.busy:
            time.sleep(0.002)
        assert len(receiver.bodies) == 1
        assert driver.worker.busy  # the other one still hangs
        driver.await_deliveries(driver.worker)
        assert driver.get(slow)["problem"] == "too_slow"


def test_both_secrets_sign_after_a_rotation(driver: WebhookDriver, receiver: Receiver) -> None:
    id = driver.create(types=LINKS)
    old = receiver.secret
    new = driver.api.post(f"/v1/webhooks/{id}/rotate-secret", None, "manager")["secret"]
    assert new != old
    for secret in (old, new):
        receiver.secret = secret
        driver.api.create_link("One")
        driver.deliver()
    assert receiver.flaws == []
    assert [len(headers["webhook-signature"].split()) for headers in receiver.headers] == [2, 2]
    now = driver.api.services.clock()
    assert EndpointSecrets("", new, old).list_signing(now, now) == [new]


def test_a_test_is_sent_at_once(driver: WebhookDriver, receiver: Receiver) -> None:
    id = driver.create(types=LINKS)
    answer = driver.api.post(f"/v1/webhooks/{id}/test", None, "manager")
    assert (answer["delivered"], answer["status"]) == (True, 204)
    assert (receiver.flaws, receiver.bodies[0]["position"]) == ([], 0)
    assert receiver.ids[0].startswith("test-")


def test_secrets_are_encrypted_at_rest_and_never_logged(
    driver: WebhookDriver, receiver: Receiver, superuser_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = lambda number: (500, {})
    with caplog.at_level(logging.DEBUG):
        id = driver.create(types=LINKS)
        driver.api.create_link("One")
        driver.deliver()
    assert "did not take" in caplog.text
    secret = receiver.secret.removeprefix("whsec_").lower()
    for name, content in iterate_relations(superuser_url, driver.api.services.database.schema):
        assert "urlsecretzqx" not in content, name
        assert secret not in content, name
    assert "urlsecretzqx" not in caplog.text
    assert secret not in caplog.text.lower()
    assert "secret" not in driver.get(id)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com:22/",
        "webcal://hooks.example.com/",
        "hooks",
    ],
)
def test_an_address_that_is_refused(url: str) -> None:
    assert WebhookSender(GuardedHttpClient()).find_flaw(url)


def test_a_name_that_leads_inside_is_refused_when_it_is_resolved() -> None:
    """Whatever a name meant when the webhook was made, the address of this very connection is checked."""
    sender = WebhookSender(GuardedHttpClient(resolve=lambda host, port, seconds: ["127.0.0.1"]))
    assert sender.find_flaw("https://rebound.example/") is None
    assert sender.send("https://rebound.example/", {}, b"{}").reason == "private_address"
    outside = GuardedHttpClient([ip_network("127.0.0.0/8")], resolve=lambda host, port, seconds: ["93.184.216.34"])
    assert WebhookSender(outside).send("http://plain.example/", {}, b"{}").reason == "not_encrypted"


def test_two_workers_repeat_nothing(driver: WebhookDriver, receiver: Receiver) -> None:
    driver.create(types=LINKS)
    other = build_webhook_worker(driver.api.services)
    other.context = driver.worker.context
    for _ in range(5):
        driver.api.create_link("One")
    threads = [Thread(target=driver.deliver, args=(worker,)) for worker in (driver.worker, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.stop()
    assert (len(receiver.ids), len(set(receiver.ids))) == (5, 5)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"types": []}, "types"),
        ({"types": ["booking.made"]}, "types[0]"),
        ({"types": [*LINKS, *LINKS]}, "types"),
        ({"details": "all"}, "details"),
        ({"active": "yes"}, "active"),
        ({"url": "https://10.0.0.1/"}, "url"),
    ],
)
def test_bad_input(driver: WebhookDriver, changes: Any, field: str) -> None:
    body = {"url": "https://hooks.example.com/", "types": LINKS, **changes}
    problem = assert_problem(driver.api.send_request("POST", "/v1/webhooks", body, "manager"), 422, "invalid")
    assert problem["errors"][0]["field"].startswith(field.partition("[")[0])


def test_runs_by_itself(driver: WebhookDriver, receiver: Receiver) -> None:
    """Started as the service starts it: a wake-up delivers what was appended."""
    worker = build_webhook_worker(driver.api.services).start()
    driver.create(types=LINKS)
    driver.api.create_link("One")
    worker.wake()
    deadline = time.monotonic() + 10
    while not receiver.bodies and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.stop()
    assert len(receiver.bodies) == 1
    assert not worker.is_alive
