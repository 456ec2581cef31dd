"""Webhooks under faults: `python -m tests.torture.webhooks`. Several workers, a receiver that fails at random."""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.testclient import TestClient

from api.app import build_app
from api.composition.webhooks import build_webhook_worker
from benchmarks.environment import run_database_server
from integrations.webhooks.worker import WebhookTiming
from tests.api_driver import ApiDriver
from tests.conftest import use_new_settings
from tests.integrations.mail.smtp_server import SmtpServer
from tests.integrations.webhooks.receiver import Answer, Receiver, run_receiver
from tests.integrations.webhooks.webhook_driver import WebhookDriver

INSIDE = {"calendar_allowed_networks": "127.0.0.0/8", "couriers": 0, "smtp_url": "", "mail_from": ""}
FAULTS: list[Answer] = [(500, {}), (302, {"Location": "/"}), (429, {"Retry-After": "1"}), (503, {}), None]


def main() -> int:
    """Run it. Exit code 1 when a promise was broken, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, run_driver(Path(folder)) as driver, run_receiver() as receiver:
        driver.receiver = receiver
        problems = find_problems(driver, receiver, options.events, options.workers, options.seed)
    print("\n".join(problems) or "every event at least once, in order, with one id, as the log has it")
    return 1 if problems else 0


@contextmanager
def run_driver(folder: Path) -> Iterator[WebhookDriver]:
    """Run an organisation that may send to loopback."""
    with (
        run_database_server("native") as server,
        use_new_settings(server, folder, **INSIDE) as settings,
        TestClient(build_app(settings), raise_server_exceptions=False) as client,
    ):
        yield WebhookDriver(ApiDriver.create_organisation(client), SmtpServer())


def find_problems(driver: WebhookDriver, receiver: Receiver, events: int, workers: int, seed: int) -> list[str]:
    """Deliver events to a receiver that fails one time in 100. Return what went wrong."""
    choose = random.Random(seed)
    receiver.answer = lambda number: choose.choice(FAULTS) if choose.random() < 0.01 else (204, {})
    link = driver.api.create_link("Torture")
    for _ in range(events // 100):
        driver.api.post(f"/v1/links/{link['id']}/single-use", {"count": 100}, "member", 201)
    id = driver.create()
    driver.api.post(f"/v1/webhooks/{id}/replay", {"from_position": 0}, "manager")
    expected, began = driver.list_log_ids(id), time.perf_counter()
    deliver_all(driver, receiver, id, workers, expected[-1])
    seconds = time.perf_counter() - began
    print(
        f"{len(expected)} events, {len(receiver.ids)} tries in {seconds:.0f} s, {len(expected) / seconds:.0f} a second"
    )
    positions = [body["position"] for body in receiver.bodies]
    checks = {
        "signature or header": not receiver.flaws,
        "an event is missing, twice under another id, or before an earlier one": list(dict.fromkeys(receiver.ids))
        == expected,
        "a later event came before an earlier one": positions == sorted(positions),
    }
    return [problem for problem, holds in checks.items() if not holds]


def deliver_all(driver: WebhookDriver, receiver: Receiver, id: str, workers: int, last_id: str) -> None:
    """Run workers until the last event has come; each failed try is repeated at once."""
    running = [build_webhook_worker(driver.api.services) for _ in range(workers)]
    for worker in running:
        worker.timing = WebhookTiming(idle=0.05, rest_factor=0)
        worker.start()
    while not receiver.ids or receiver.ids[-1] != last_id or driver.get(id)["failed_attempts"]:
        driver.mark_due(id)
        time.sleep(0.05)
    for worker in running:
        worker.stop()


if __name__ == "__main__":
    sys.exit(main())
