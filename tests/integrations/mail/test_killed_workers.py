"""Couriers killed at random while the mail server comes and goes: nothing is missing, nothing comes thrice."""

import random
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from tests.api_driver import GUEST, House
from tests.integrations.mail.smtp_server import Mailbox, calendar_of
from tests.once.server_processes import ROOT, environment

SECONDS = 9.0
PATIENCE = 180.0
FEWEST_KILLED = 8
PROCESSES = 2
READERS = (GUEST["email"], "member@nexora.example", "engineer@nexora.example")


class Crew:
    """Courier processes."""

    def __init__(self, settings: Settings) -> None:
        self.began = time.time()
        about = {"ONCELINK_SMTP_URL": settings.smtp_url, "ONCELINK_MAIL_FROM": settings.mail_from}
        self.environment = environment(settings, 2) | about
        self.processes = [self.hired() for _ in range(PROCESSES)]
        self.killed = 0

    def hired(self) -> subprocess.Popen[bytes]:
        """One more."""
        command = [sys.executable, "-m", "tests.integrations.mail.worker_process", str(self.began)]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def kill_one(self, chance: random.Random) -> None:
        """Kills one of them without a word, and hires another."""
        number = chance.randrange(len(self.processes))
        self.processes[number].kill()
        self.processes[number].wait()
        assert self.processes[number].stdout is not None
        self.processes[number].stdout.close()
        self.processes[number] = self.hired()
        self.killed += 1

    def dismiss(self) -> None:
        """All go."""
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def house(settings: Settings, box: Mailbox) -> Any:
    """A house whose couriers are processes of their own."""
    with TestClient(build(settings.model_copy(update=box.settings)), raise_server_exceptions=False) as client:
        yield House.furnished(client)


def test_nothing_missing_and_nothing_more_than_twice(settings: Settings, box: Mailbox, house: House) -> None:
    chance = random.Random(20261125)
    box.slow = 0.03
    house.link("Talk", slug="talk", co_host_ids=[house.ids["engineer"]])
    starts = house.slots("talk", days=9)[100:]
    chance.shuffle(starts)
    crew = Crew(settings.model_copy(update=box.settings))
    codes: dict[str, str] = {}
    try:
        for process in crew.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or crew.killed < FEWEST_KILLED:
            happen(chance, house, codes, starts)
            if chance.random() < 0.25:
                (box.down if box.is_up and chance.random() < 0.6 else box.up)()
            if chance.random() < 0.35:
                crew.kill_one(chance)
            time.sleep(chance.uniform(0.02, 0.2))
        box.up()
        settle(house, codes)
    finally:
        crew.dismiss()
    check(house, box, codes)


def happen(chance: random.Random, house: House, codes: dict[str, str], starts: list[str]) -> None:
    """A booking, or a change of one that is there."""
    id = chance.choice([*codes, ""])
    if not id or len(codes) < 4:
        made = house.book("talk", starts.pop())
        codes[made["booking"]["id"]] = made["manage_url"].rsplit("/", 1)[1]
    elif chance.random() < 0.7:
        house.send("POST", f"/v1/manage/{codes[id]}/reschedule", {"start": starts.pop()})
    else:
        house.send("POST", f"/v1/manage/{codes[id]}/cancel", {})


def settle(house: House, codes: dict[str, str]) -> None:
    """Waits until everybody was told; what was given up, because nobody knows whether it went out, is sent again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = [row for id in codes for row in house.get(f"/v1/bookings/{id}/mail", "manager")["items"]]
        assert {row["failure"] for row in rows if row["state"] == "failed"} <= {"unknown_outcome"}
        for row in rows:
            if row["state"] == "failed":
                house.post(f"/v1/bookings/{row['booking_id']}/mail/{row['id']}/send-again", None, "manager")
        if {row["state"] for row in rows} <= {"sent", "superseded"}:
            return
        assert time.monotonic() < deadline, Counter(row["state"] for row in rows)
        time.sleep(0.2)


def check(house: House, box: Mailbox, codes: dict[str, str]) -> None:
    """Every reader's calendar shows the meeting as it is, and no Message-ID came more often than twice."""
    assert max(Counter(box.ids()).values()) <= 2
    entries: dict[tuple[str, str], list[Any]] = {}
    for mail, (_, [reader]) in zip(box.mails, box.envelopes, strict=True):
        [entry] = calendar_of(mail).walk("VEVENT")
        entries.setdefault((str(entry["UID"]).partition("@")[0], reader), []).append(entry)
    for id in codes:
        booking = house.get(f"/v1/bookings/{id}", "manager")
        for reader in READERS:
            told = entries[id, reader]
            sequences = [entry["SEQUENCE"] for entry in told]
            assert sequences == sorted(sequences), (id, reader, sequences)
            assert told[-1]["DTSTART"].dt == datetime.fromisoformat(booking["starts_at"])
            assert (str(told[-1]["STATUS"]) == "CANCELLED") == (booking["status"] == "cancelled")
