"""Calendars and mails under torture: `python -m tests.torture.calendars [--rounds N] [--seed N]`.

Meetings are booked, moved, given to other hosts and cancelled at random, while the mail server and the calendars'
server go down and come back, and the processes of the couriers are killed. At the end every host's calendar shows
exactly the meetings that the log says are theirs, nothing is missing, nothing twice; and no mail went out more than
twice.
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

from api.app import build
from api.server import DATABASE, OWNER_ROLE, prepare
from api.settings import Settings, read_settings
from projections import outbox
from store.embedded.server import running
from store.schema import SERVICE_ROLE, migrate
from tests.api_driver import House, code_of
from tests.conftest import SECRET
from tests.integrations.calendars.caldav_server import caldav_server
from tests.integrations.calendars.calendar_outbox_driver import HOSTS, Desk
from tests.integrations.mail.smtp_server import Mailbox, mailbox
from tests.once.server_processes import ROOT, environment

INSIDE = {"calendar_allowed_networks": "127.0.0.0/8", "couriers": 0}
COURIERS = 2
PATIENCE = 90.0  # seconds until everything must have arrived, once all servers are there
LEAP = 61.0  # seconds that the couriers' clock leaps, so that leases end and failures are tried again
LONGEST_LEAP = 7_200.0
FIRST_DAY, DAYS = 30, 3  # meetings are so far ahead that no leap passes them
MOST_ATTEMPTS = 2  # with one Message-ID


@dataclass
class Torture:
    """An organisation under torture, and what happened to it."""

    desk: Desk
    box: Mailbox
    settings: Settings
    clock: Path
    chance: random.Random
    couriers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    meetings: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    ahead: float = 0.0

    def run(self, rounds: int) -> None:
        """So many things happen."""
        changes: list[Callable[[], Any]] = [self.book, self.book, self.move, self.give, self.give, self.cancel]
        faults: list[Callable[[], Any]] = [self.mail_goes, self.calendars_go, self.come_back, self.kill, self.leap]
        for number in range(rounds):
            self.chance.choice(changes)()
            if number % 3 == 0:
                self.chance.choice(faults)()
            time.sleep(self.chance.random() * 0.1)

    def book(self) -> None:
        """A guest books on the link of somebody."""
        slug = self.chance.choice(HOSTS)
        made = self.desk.house.book(slug, self.chance.choice(self.slots(slug)))
        self.meetings[made["booking"]["id"]] = code_of(made["manage_url"])
        self.done["booked"] += 1

    def slots(self, slug: str) -> list[str]:
        """The times on offer."""
        first = (datetime.now(UTC) + timedelta(days=FIRST_DAY)).date()
        days = f"from={first}&to={first + timedelta(days=DAYS - 1)}"
        return [one["start"] for one in self.desk.house.get(f"/v1/book/{slug}/slots?{days}&time_zone=UTC")["slots"]]

    def move(self) -> None:
        """A guest moves a meeting."""
        slots = self.slots(self.chance.choice(HOSTS))
        self.post(
            "rescheduled", lambda id, code: (f"/v1/manage/{code}/reschedule", {"start": self.chance.choice(slots)})
        )

    def give(self) -> None:
        """A manager gives a meeting to somebody."""
        to = self.desk.house.ids[self.chance.choice(HOSTS)]
        self.post("reassigned", lambda id, code: (f"/v1/bookings/{id}/reassign", {"host_id": to}))

    def cancel(self) -> None:
        """Somebody cancels a meeting."""
        self.post("cancelled", lambda id, code: (f"/v1/bookings/{id}/cancel", {}))

    def post(self, what: str, request: Callable[[str, str], tuple[str, Any]]) -> None:
        """Does something to one of the meetings; a refusal because of its state or of the time is as good."""
        if self.meetings:
            id = self.chance.choice(list(self.meetings))
            path, body = request(id, self.meetings[id])
            status = self.desk.house.send("POST", path, body, "manager" if "bookings" in path else None).status_code
            assert status in (200, 409, 422), status
            self.done[what] += status == 200

    def mail_goes(self) -> None:
        """The mail server goes down."""
        self.box.down()
        self.done["mail server down"] += 1

    def calendars_go(self) -> None:
        """The calendars' server goes down."""
        self.desk.radicale.stop()
        self.done["calendar server down"] += 1

    def come_back(self) -> None:
        """All servers are there again."""
        self.box.up()
        if self.desk.radicale.running is None:
            self.desk.radicale.start()

    def kill(self) -> None:
        """A process of couriers is killed, whatever it was doing, and another one begins."""
        victim = self.couriers.pop(self.chance.randrange(len(self.couriers)))
        victim.kill()
        victim.wait()
        self.hire()
        self.done["killed"] += 1

    def hire(self) -> None:
        """Another process of couriers."""
        command = [sys.executable, "-m", "tests.integrations.calendars.worker_process", str(self.clock)]
        more = {
            "ONCELINK_SMTP_URL": self.settings.smtp_url,
            "ONCELINK_MAIL_FROM": self.settings.mail_from,
            "ONCELINK_CALENDAR_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        with (self.settings.data_dir / "couriers.log").open("ab") as log:
            self.couriers.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**os.environ, **environment(self.settings, 5), **more},
                    stdout=log,
                    stderr=log,
                )
            )

    def leap(self, seconds: float = LEAP) -> None:
        """Time goes by for the couriers."""
        self.ahead += seconds
        self.clock.write_text(str(self.ahead), encoding="utf-8")

    def settle(self) -> list[str]:
        """Everything comes back, and all that is owed arrives; what did not."""
        self.come_back()
        deadline = time.monotonic() + PATIENCE
        leap = LEAP
        while self.waits() and time.monotonic() < deadline:
            self.leap(leap)
            leap = min(2 * leap, LONGEST_LEAP)
            time.sleep(0.2)
        return self.owed()

    def waits(self) -> bool:
        """Whether something is owed, by a list as current as the log."""
        self.desk.house.log("limit=1")
        return any(one.owed for one in outbox.waiting(self.desk.house.oncelink.live, self.desk.now()))

    def owed(self) -> list[str]:
        """What has not arrived yet, or never will."""
        found = []
        for id in self.meetings:
            rows = self.desk.house.get(f"/v1/bookings/{id}/mail", "manager")["items"]
            found += [f"{id} {one['channel']} {one['what']} {one['to']} is {one['state']}" for one in rows
                      if one["state"] not in ("sent", "superseded")]  # fmt: skip
        return found

    def problems(self) -> list[str]:
        """Everything that is not as it was promised."""
        found = [f"never arrived: {one}" for one in self.settle()]
        found += [
            f"the calendar of {who} differs: {pair}" for who, pair in self.desk.differences(self.meetings).items()
        ]
        sent = Counter((mail["To"], id) for mail, id in zip(self.box.mails, self.box.ids(), strict=True))
        found += [
            f"{id} went out {count} times to one reader" for (_, id), count in sent.items() if count > MOST_ATTEMPTS
        ]
        return found

    def close(self) -> None:
        """Ends the couriers."""
        for process in self.couriers:
            process.kill()
            process.wait()


@contextmanager
def torture(settings: Settings, folder: Path, seed: int) -> Iterator[Torture]:
    """An organisation with a mail server, a calendar for each host, and couriers in processes of their own."""
    with caldav_server(folder) as radicale, mailbox() as box:
        settings = settings.model_copy(update={**INSIDE, **box.settings})
        with TestClient(build(settings), raise_server_exceptions=False) as client:
            desk = Desk(House.furnished(client), radicale)
            for number, who in enumerate(HOSTS):
                co_hosts = [desk.house.ids[HOSTS[number - 1]]] if number else []
                desk.house.link(who, who, slug=who, co_host_ids=co_hosts)
                desk.connect(who)
            clock = folder / "clock"
            clock.write_text("0", encoding="utf-8")
            found = Torture(desk, box, settings, clock, random.Random(seed))
            for _ in range(COURIERS):
                found.hire()
            try:
                yield found
            finally:
                found.close()


def main() -> int:
    """Exit code 0 when every promise held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.calendars", description=__doc__)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running(Path(name) / "postgres") as server:
        prepare(server.url(), server.url(OWNER_ROLE, DATABASE), "warm")
        schema = f"t{uuid4().hex[:12]}"
        migrate(server.url(OWNER_ROLE, DATABASE), schema)
        url = server.url(SERVICE_ROLE, DATABASE)
        settings = read_settings(
            database_url=url, db_schema=schema, data_dir=Path(name), secret_keys=SECRET, base_url="http://testserver"
        )
        folder = Path(name) / "radicale"
        folder.mkdir()
        with torture(settings, folder, asked.seed) as found:
            found.run(asked.rounds)
            problems = found.problems()
    print(f"seed {asked.seed}, {asked.rounds} rounds: {dict(found.done)}, {len(found.box.mails)} mails")
    print("\n".join(problems) or "every calendar shows exactly its meetings; nothing is missing, nothing twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
