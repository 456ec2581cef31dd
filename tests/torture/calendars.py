"""Calendars and mail under torture: `python -m tests.torture.calendars [--rounds N] [--seed N]`.

Meetings are booked, moved, reassigned and cancelled at random, while the mail server and the CalDAV server stop and
restart, and outbox worker processes are killed. At the end every host's calendar shows exactly their meetings in the
log, none missing and none twice, and no mail was sent more than twice.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from api.app import build_app
from api.server import DATABASE, OWNER_ROLE, prepare_database
from api.settings import Settings, read_settings
from projections import outbox_backlog
from store.embedded.server import run_server
from store.schema import SERVICE_ROLE, migrate_schema
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import SECRET
from tests.integrations.calendars.caldav_server import run_caldav_server
from tests.integrations.calendars.calendar_outbox_driver import HOSTS, CalendarOutboxDriver
from tests.integrations.mail.smtp_server import SmtpServer, get_part, run_smtp_server
from tests.once.server_processes import ROOT, build_environment_variables

SETTINGS = {"calendar_allowed_networks": "127.0.0.0/8", "couriers": 0}
WORKERS = 2
TIMEOUT_SECONDS = 90.0  # seconds until everything must have arrived, once all servers are there
CLOCK_STEP = 61.0  # seconds that the workers' clock leaps, so that leases end and failures are tried again
MAX_CLOCK_STEP = 7_200.0
FIRST_DAY, DAYS = 30, 3  # meetings are so far ahead that no leap passes them
MAX_ATTEMPTS = 2  # with one Message-ID
INTO_THE_MEETINGS = timedelta(hours=36, minutes=15)  # some have begun, some begin within a day, some later


@dataclass
class CalendarTorture:
    """An organisation under torture, and the counts of what happened to it."""

    driver: CalendarOutboxDriver
    smtp_server: SmtpServer
    settings: Settings
    clock: Path
    rng: random.Random
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    meetings: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    clock_offset: float = 0.0

    def run_rounds(self, rounds: int) -> None:
        """Run this many random changes and faults."""
        changes: list[Callable[[], Any]] = [
            self.book_meeting,
            self.book_meeting,
            self.move_meeting,
            self.reassign_meeting,
            self.reassign_meeting,
            self.cancel_meeting,
        ]
        faults: list[Callable[[], Any]] = [
            self.stop_smtp_server,
            self.stop_calendar_server,
            self.restart_servers,
            self.kill_worker,
            self.advance_clock,
        ]
        for number in range(rounds):
            self.rng.choice(changes)()
            if number % 3 == 0:
                self.rng.choice(faults)()
            time.sleep(self.rng.random() * 0.1)

    def book_meeting(self) -> None:
        """Book a random slot of a random link."""
        slug = self.rng.choice(HOSTS)
        booking = self.driver.api.book_meeting(slug, self.rng.choice(self.list_slots(slug)))
        self.meetings[booking["booking"]["id"]] = extract_code(booking["manage_url"])
        self.counts["booked"] += 1

    def list_slots(self, slug: str) -> list[str]:
        """List the slots on offer."""
        first = (datetime.now(UTC) + timedelta(days=FIRST_DAY)).date()
        days = f"from={first}&to={first + timedelta(days=DAYS - 1)}"
        return [slot["start"] for slot in self.driver.api.get(f"/v1/book/{slug}/slots?{days}&time_zone=UTC")["slots"]]

    def move_meeting(self) -> None:
        """Reschedule a random meeting as its guest."""
        slots = self.list_slots(self.rng.choice(HOSTS))
        self.send_change(
            "rescheduled", lambda id, code: (f"/v1/manage/{code}/reschedule", {"start": self.rng.choice(slots)})
        )

    def reassign_meeting(self) -> None:
        """Reassign a random meeting as a manager."""
        host_id = self.driver.api.ids[self.rng.choice(HOSTS)]
        self.send_change("reassigned", lambda id, code: (f"/v1/bookings/{id}/reassign", {"host_id": host_id}))

    def cancel_meeting(self) -> None:
        """Cancel a random meeting."""
        self.send_change("cancelled", lambda id, code: (f"/v1/bookings/{id}/cancel", {}))

    def send_change(self, outcome: str, build_request: Callable[[str, str], tuple[str, Any]]) -> None:
        """Send a change of a random meeting. A refusal because of its state or of the time is accepted."""
        if self.meetings:
            id = self.rng.choice(list(self.meetings))
            path, body = build_request(id, self.meetings[id])
            status = self.driver.api.send_request(
                "POST", path, body, "manager" if "bookings" in path else None
            ).status_code
            assert status in (200, 409, 422), status
            self.counts[outcome] += status == 200

    def stop_smtp_server(self) -> None:
        """Stop the mail server."""
        self.smtp_server.stop_server()
        self.counts["mail server down"] += 1

    def stop_calendar_server(self) -> None:
        """Stop the CalDAV server."""
        self.driver.radicale.stop_server()
        self.counts["calendar server down"] += 1

    def restart_servers(self) -> None:
        """Restart all servers."""
        self.smtp_server.start_server()
        if self.driver.radicale.http_server is None:
            self.driver.radicale.start_server()

    def kill_worker(self) -> None:
        """Kill a worker process, whatever it is doing, and start another one."""
        process = self.workers.pop(self.rng.randrange(len(self.workers)))
        process.kill()
        process.wait()
        self.start_worker()
        self.counts["killed"] += 1

    def start_worker(self) -> None:
        """Start another worker process."""
        command = [sys.executable, "-m", "tests.integrations.calendars.worker_process", str(self.clock)]
        overrides = {
            "ONCELINK_SMTP_URL": self.settings.smtp_url,
            "ONCELINK_MAIL_FROM": self.settings.mail_from,
            "ONCELINK_CALENDAR_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        with (self.settings.data_dir / "outbox_workers.log").open("ab") as log:
            self.workers.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**os.environ, **build_environment_variables(self.settings, 5), **overrides},
                    stdout=log,
                    stderr=log,
                )
            )

    def advance_clock(self, seconds: float = CLOCK_STEP) -> None:
        """Advance the workers' clock."""
        self.clock_offset += seconds
        self.clock.write_text(str(self.clock_offset), encoding="utf-8")

    def wait_until_delivered(self) -> list[str]:
        """Restart all servers and wait until all notifications are delivered. Return what was not."""
        self.restart_servers()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        step = CLOCK_STEP
        while self.has_backlog() and time.monotonic() < deadline:
            self.advance_clock(step)
            step = min(2 * step, MAX_CLOCK_STEP)
            time.sleep(0.2)
        return self.list_undelivered()

    def has_backlog(self) -> bool:
        """Return whether a notification is pending, by a read model as current as the log."""
        self.driver.api.list_meetings("limit=1")
        return any(
            backlog.owed
            for backlog in outbox_backlog.count_backlogs(self.driver.api.services.live_source, self.driver.clock())
        )

    def list_undelivered(self) -> list[str]:
        """List the notifications that are not delivered yet, or never will be."""
        undelivered = []
        for id in self.meetings:
            rows = self.driver.api.get(f"/v1/bookings/{id}/mail", "manager")["items"]
            undelivered += [
                f"{id} {row['channel']} {row['what']} {row['to']} is {row['state']}"
                for row in rows
                if row["state"] not in ("sent", "superseded", "scheduled")
            ]
        return undelivered

    def find_reminder_problems(self) -> list[str]:
        """Let the time of some reminders come. Find those that are missing, and those that nobody should have got."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        instant = midnight + timedelta(days=FIRST_DAY) + INTO_THE_MEETINGS
        self.driver.clock.offset = instant - datetime.now(UTC)
        count = len(self.smtp_server.messages)
        self.advance_clock(self.driver.clock.offset.total_seconds() - self.clock_offset)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.has_backlog() and time.monotonic() < deadline:
            time.sleep(0.1)
        reminders = [message for message in self.smtp_server.messages[count:] if "Reminder" in str(message["Subject"])]
        readers = {(self.find_meeting(message), message["To"].addresses[0].addr_spec) for message in reminders}
        expected = {reader for id in self.meetings for reader in self.list_reminded(id, instant)}
        return [f"reminders differ: {sorted(expected ^ readers)}"] * (expected != readers)

    def find_meeting(self, message: Any) -> str:
        """Find the meeting that a reminder is about, by the links in it."""
        text = get_part(message, "text/plain")
        [id] = [id for id, code in self.meetings.items() if f"/meeting-log/{id}" in text or f"/m/{code}" in text]
        self.counts["reminded"] += 1
        return id

    def list_reminded(self, id: str, instant: datetime) -> list[tuple[str, str]]:
        """List who is reminded of a meeting that begins within a day of an instant."""
        row = self.driver.api.get(f"/v1/bookings/{id}", "manager")
        starts_at = datetime.fromisoformat(row["starts_at"])
        if row["status"] == "cancelled" or not instant < starts_at <= instant + timedelta(days=1):
            return []
        hosts = [f"{host['name'].lower()}@nexora.example" for host in (row["host"], *row["co_hosts"])]
        return [(id, email) for email in (row["guest"]["email"], *hosts)]

    def find_problems(self) -> list[str]:
        """Find everything that breaks a promise."""
        problems = [f"never arrived: {undelivered}" for undelivered in self.wait_until_delivered()]
        problems += [
            f"the calendar of {who} differs: {difference}"
            for who, difference in self.driver.find_differences(self.meetings).items()
        ]
        problems += self.find_reminder_problems()
        sent_counts = Counter(
            (message["To"], id)
            for message, id in zip(self.smtp_server.messages, self.smtp_server.list_message_ids(), strict=True)
        )
        problems += [
            f"{id} went out {count} times to one reader"
            for (_, id), count in sent_counts.items()
            if count > MAX_ATTEMPTS
        ]
        return problems

    def stop_workers(self) -> None:
        """Kill the workers."""
        for process in self.workers:
            process.kill()
            process.wait()


@contextmanager
def run_torture(settings: Settings, folder: Path, seed: int) -> Iterator[CalendarTorture]:
    """Run an organisation with a mail server, a calendar for each host, and workers in processes of their own."""
    with run_caldav_server(folder) as radicale, run_smtp_server() as smtp_server:
        settings = settings.model_copy(update={**SETTINGS, **smtp_server.settings})
        with TestClient(build_app(settings), raise_server_exceptions=False) as client:
            driver = CalendarOutboxDriver(ApiDriver.create_organisation(client), radicale)
            for number, who in enumerate(HOSTS):
                co_hosts = [driver.api.ids[HOSTS[number - 1]]] if number else []
                driver.api.create_link(who, who, slug=who, co_host_ids=co_hosts)
                driver.connect_calendar(who)
            clock = folder / "clock"
            clock.write_text("0", encoding="utf-8")
            torture = CalendarTorture(driver, smtp_server, settings, clock, random.Random(seed))
            for _ in range(WORKERS):
                torture.start_worker()
            try:
                yield torture
            finally:
                torture.stop_workers()


def main() -> int:
    """Exit code 0 when every promise held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.calendars", description=__doc__)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, run_server(Path(name) / "postgres") as server:
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), "warm")
        schema = f"t{uuid4().hex[:12]}"
        migrate_schema(server.build_url(OWNER_ROLE, DATABASE), schema)
        url = server.build_url(SERVICE_ROLE, DATABASE)
        settings = read_settings(
            database_url=url, db_schema=schema, data_dir=Path(name), secret_keys=SECRET, base_url="http://testserver"
        )
        folder = Path(name) / "radicale"
        folder.mkdir()
        with run_torture(settings, folder, options.seed) as torture:
            torture.run_rounds(options.rounds)
            problems = torture.find_problems()
    print(
        f"seed {options.seed}, {options.rounds} rounds: {dict(torture.counts)}, "
        f"{len(torture.smtp_server.messages)} mails"
    )
    print("\n".join(problems) or "every calendar shows exactly its meetings; nothing is missing, nothing twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
