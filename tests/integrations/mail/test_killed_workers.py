"""Outbox workers killed at random while the mail server comes and goes: nothing is missing, nothing comes thrice."""

import random
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.mail.smtp_server import SmtpServer, parse_calendar
from tests.once.server_processes import ROOT, build_environment_variables

SECONDS = 9.0
TIMEOUT_SECONDS = 180.0
FEWEST_KILLED = 8
PROCESSES = 2
READERS = (GUEST["email"], "member@nexora.example", "engineer@nexora.example")


class WorkerProcesses:
    """Outbox workers as processes."""

    def __init__(self, settings: Settings) -> None:
        self.started_at = time.time()
        mail_environment = {"ONCELINK_SMTP_URL": settings.smtp_url, "ONCELINK_MAIL_FROM": settings.mail_from}
        self.environment = build_environment_variables(settings, 2) | mail_environment
        self.processes = [self.start_process() for _ in range(PROCESSES)]
        self.killed_count = 0

    def start_process(self) -> subprocess.Popen[bytes]:
        """Start a worker process."""
        command = [sys.executable, "-m", "tests.integrations.mail.worker_process", str(self.started_at)]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def kill_process(self, random_generator: random.Random) -> None:
        """Kill one process and start another."""
        number = random_generator.randrange(len(self.processes))
        self.processes[number].kill()
        self.processes[number].wait()
        assert self.processes[number].stdout is not None
        self.processes[number].stdout.close()
        self.processes[number] = self.start_process()
        self.killed_count += 1

    def stop_processes(self) -> None:
        """Stop all processes."""
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def api(settings: Settings, smtp_server: SmtpServer) -> Any:
    """A service whose outbox workers are separate processes."""
    with TestClient(
        build_app(settings.model_copy(update=smtp_server.settings)), raise_server_exceptions=False
    ) as client:
        yield ApiDriver.create_organisation(client)


def test_nothing_missing_and_nothing_more_than_twice(
    settings: Settings, smtp_server: SmtpServer, api: ApiDriver
) -> None:
    chance = random.Random(20261125)
    smtp_server.delay_seconds = 0.03
    api.patch(f"/v1/meeting-types/{api.ids['type']}", {"reminders_minutes": []}, "admin")
    api.create_link("Talk", slug="talk", co_host_ids=[api.ids["engineer"]])
    starts = api.list_slots("talk", days=9)[100:]
    chance.shuffle(starts)
    worker_processes = WorkerProcesses(settings.model_copy(update=smtp_server.settings))
    codes: dict[str, str] = {}
    try:
        for process in worker_processes.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or worker_processes.killed_count < FEWEST_KILLED:
            change_bookings(chance, api, codes, starts)
            if chance.random() < 0.25:
                (smtp_server.stop_server if smtp_server.is_up and chance.random() < 0.6 else smtp_server.start_server)()
            if chance.random() < 0.35:
                worker_processes.kill_process(chance)
            time.sleep(chance.uniform(0.02, 0.2))
        smtp_server.start_server()
        wait_until_delivered(api, codes)
    finally:
        worker_processes.stop_processes()
    check_calendars(api, smtp_server, codes)


def change_bookings(chance: random.Random, api: ApiDriver, codes: dict[str, str], starts: list[str]) -> None:
    """Create, reschedule or cancel a booking at random."""
    id = chance.choice([*codes, ""])
    if not id or len(codes) < 4:
        booking = api.book_meeting("talk", starts.pop())
        codes[booking["booking"]["id"]] = booking["manage_url"].rsplit("/", 1)[1]
    elif chance.random() < 0.7:
        api.send_request("POST", f"/v1/manage/{codes[id]}/reschedule", {"start": starts.pop()})
    else:
        api.send_request("POST", f"/v1/manage/{codes[id]}/cancel", {})


def wait_until_delivered(api: ApiDriver, codes: dict[str, str]) -> None:
    """Wait until every notification is sent. Sends again those that failed with an unknown outcome."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        rows = [row for id in codes for row in api.get(f"/v1/bookings/{id}/mail", "manager")["items"]]
        assert {row["failure"] for row in rows if row["state"] == "failed"} <= {"unknown_outcome"}
        for row in rows:
            if row["state"] == "failed":
                api.post(f"/v1/bookings/{row['booking_id']}/mail/{row['id']}/send-again", None, "manager")
        if {row["state"] for row in rows} <= {"sent", "superseded"}:
            return
        assert time.monotonic() < deadline, Counter(row["state"] for row in rows)
        time.sleep(0.2)


def check_calendars(api: ApiDriver, smtp_server: SmtpServer, codes: dict[str, str]) -> None:
    """Assert that each recipient's calendar is correct and no Message-ID arrived more than twice."""
    assert max(Counter(smtp_server.list_message_ids()).values()) <= 2
    entries: dict[tuple[str, str], list[Any]] = {}
    for message, (_, [reader]) in zip(smtp_server.messages, smtp_server.envelopes, strict=True):
        [entry] = parse_calendar(message).walk("VEVENT")
        entries.setdefault((str(entry["UID"]).partition("@")[0], reader), []).append(entry)
    for id in codes:
        booking = api.get(f"/v1/bookings/{id}", "manager")
        for reader in READERS:
            calendar_entries = entries[id, reader]
            sequences = [entry["SEQUENCE"] for entry in calendar_entries]
            assert sequences == sorted(sequences), (id, reader, sequences)
            assert calendar_entries[-1]["DTSTART"].dt == datetime.fromisoformat(booking["starts_at"])
            assert (str(calendar_entries[-1]["STATUS"]) == "CANCELLED") == (booking["status"] == "cancelled")
