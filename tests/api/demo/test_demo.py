"""`oncelink demo`: one command on an empty machine; run twice, stopped or killed, nothing doubles or is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from api.demo.data_folder import MARK, locked, throw_away
from api.demo.demo import ADDRESS, Announcing, furnished
from api.server import DATABASE, CannotStart
from api.settings import read_settings
from projections.following.follower import Follower
from projections.following.positions import Positions, position
from store.embedded.server import running

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
ROLES = ("member", "manager", "admin", "auditor", "analyst")
BOOKINGS = 52


def command(data: Path, *more: str, port: int = 0) -> list[str]:
    run = [sys.executable, "-c", "from api.cli.main import app; app()"]
    return [*run, "demo", "--json", "--port", str(port), "--data", str(data), *more]


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ONCELINK_")}
    return clean | {"PYTHONPATH": str(ROOT)}


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def nothing_runs(data: Path) -> bool:
    """Every process of PostgreSQL holds this lock for as long as it lives."""
    with locked(data / "postgres.life") as free:
        return free


def untold(found: Counter[str]) -> Counter[str]:
    """Without what couriers say, whenever they get to it."""
    return Counter({name: count for name, count in found.items() if not name.startswith("Mail")})


def events(data: Path) -> Counter[str]:
    """How many events of each type the log has."""
    with running(data) as server, psycopg.connect(server.url(database=DATABASE)) as connection:
        return Counter(dict(connection.execute("SELECT type, count(*) FROM oncelink.events GROUP BY type").fetchall()))


@dataclass
class Demo:
    """A demo in a process of its own, which has said where it is."""

    process: "subprocess.Popen[str]"
    said: dict[str, Any]

    @classmethod
    def started(cls, data: Path, *more: str, port: int = 0) -> "Demo":
        process = subprocess.Popen(
            command(data, *more, port=port), env=environment(), stdout=subprocess.PIPE, text=True, cwd=data.parent
        )
        assert process.stdout
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, f"it ended with {process.wait()}"
        return cls(process, json.loads(line))

    @property
    def port(self) -> int:
        return int(self.said["base_url"].rsplit(":", 1)[1])

    def send(self, method: str, path: str, role: str | None = None, body: Any = None) -> httpx2.Response:
        keys = {person["role"]: person["api_key"] for person in self.said["people"]}
        headers = {"Authorization": f"Bearer {keys[role]}"} if role else {}
        return httpx2.request(method, self.said["base_url"] + path, json=body, headers=headers, timeout=PATIENCE)

    def get(self, path: str, role: str | None = None) -> Any:
        answer = self.send("GET", path, role)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log(self) -> list[Any]:
        return list(self.get("/v1/meeting-log?limit=200", "manager")["items"])

    def book(self, name: str) -> Any:
        """A guest books the first time on offer behind Julio's link."""
        today = datetime.now(UTC).date()
        days = f"from={today}&to={today + timedelta(days=14)}&time_zone=UTC"
        start = self.get(f"/v1/book/julio/slots?{days}")["slots"][0]["start"]
        guest = {"name": name, "email": "guest@guest.example", "time_zone": "Asia/Tokyo"}
        answer = self.send("POST", "/v1/book/julio", body={"start": start, "guest": guest})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    yield folder
    assert nothing_runs(folder)


@pytest.fixture(scope="module")
def demo(data: Path) -> Iterator[Demo]:
    """A demo in a fresh folder, for tests that only look."""
    started = Demo.started(data)
    yield started
    assert started.end() == 0


class TestAFirstDemo:
    def test_answers_and_names_one_person_for_each_role(self, demo: Demo) -> None:
        assert demo.get("/healthz") == {"status": "ok"}
        assert demo.said.keys() == {"base_url", "people"}
        assert [person["role"] for person in demo.said["people"]] == list(ROLES)
        for person in demo.said["people"]:
            assert person.keys() == {"role", "email", "api_key", "sign_in_url"}
            assert person["sign_in_url"].startswith(f"{demo.said['base_url']}/sign-in/")
            me = demo.get("/v1/me", person["role"])
            assert (me["email"], me["roles"]) == (person["email"], [person["role"]])

    def test_lets_each_role_do_what_is_its_own(self, demo: Demo) -> None:
        taken = {"name": "Julio", "email": "JULIO@nexora.example", "time_zone": "UTC"}

        def statuses(method: str, path: str, body: Any = None) -> list[int]:
            return [demo.send(method, path, role, body).status_code for role in ROLES]

        assert statuses("GET", "/v1/meeting-log") == [200, 200, 200, 200, 200]
        assert statuses("GET", "/v1/links?view=all") == [403, 200, 200, 200, 403]
        assert statuses("POST", "/v1/people", taken) == [403, 403, 409, 403, 403]
        assert demo.send("GET", "/v1/meeting-log").status_code == 401

    def test_has_meetings_of_every_kind_in_its_log(self, demo: Demo) -> None:
        eventually(lambda: len(demo.log()) >= BOOKINGS)
        rows = demo.log()
        now = datetime.now(UTC).isoformat()
        assert {row["link_type"] for row in rows} == {"standard", "managed", "single_use"}
        assert {row["status"] for row in rows} == {"scheduled", "rescheduled", "cancelled"}
        assert {row["cancelled_by"] for row in rows} == {"guest", "host", None}
        assert {row["starts_at"] < now for row in rows} == {True, False}
        assert any(not row["guest"]["name"].isascii() for row in rows)
        assert any(row["co_hosts"] for row in rows)
        assert all(row["booked_at"] < min(now, row["starts_at"]) for row in rows)

    def test_has_single_use_links_in_every_state(self, demo: Demo) -> None:
        eventually(lambda: len(demo.log()) >= BOOKINGS)
        found = demo.get("/v1/single-use?limit=200", "manager")["items"]
        assert {link["status"] for link in found} == {"active", "booked", "expired", "revoked"}
        assert any(link["recipient"] and link["label"] and link["metadata"] for link in found)

    def test_has_a_managed_link_with_three_hosts_and_one_in_the_library(self, demo: Demo) -> None:
        eventually(lambda: demo.get("/v1/managed-links", "manager")["items"])
        [managed] = demo.get("/v1/managed-links", "manager")["items"]
        assert len(managed["hosts"]) == 3
        assert len(demo.get("/v1/links?view=library", "member")["items"]) == 1


class TestASecondDemo:
    def test_beside_the_first_doubles_nothing_and_leaves_it_running(self, demo: Demo, data: Path) -> None:
        before = events(data)
        second = Demo.started(data)
        assert second.get("/v1/me", "member") == demo.get("/v1/me", "member")
        assert second.end() == 0
        assert events(data) == before
        assert demo.get("/healthz") == {"status": "ok"}

    def test_does_not_throw_away_a_database_in_use(self, demo: Demo, data: Path) -> None:
        with pytest.raises(CannotStart, match="in use"):
            throw_away(data)
        assert demo.get("/v1/me", "member")

    def test_on_a_port_in_use_says_so_and_starts_nothing(self, demo: Demo, tmp_path: Path) -> None:
        ended = subprocess.run(
            command(tmp_path / "data", port=demo.port),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        assert f"Port {demo.port} cannot be used" in " ".join(ended.stderr.split())
        assert not (tmp_path / "data").exists()


class TestTheEnd:
    def test_keeps_every_acknowledged_booking_and_leaves_nothing_running(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        demo = Demo.started(data)
        made = demo.book("Κασσάνδρα")
        before = events(data)
        demo.process.kill()
        demo.process.communicate(timeout=PATIENCE)
        assert not nothing_runs(data)
        os.kill(int((data / "postgres/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        eventually(lambda: nothing_runs(data))

        again = Demo.started(data, port=demo.port)
        manage = "/v1/manage/" + made["manage_url"].rsplit("/", 1)[1]
        assert again.get(manage)["booking"] == made["booking"]
        assert again.send("POST", f"{manage}/cancel", body={}).status_code == 200
        eventually(lambda: len(again.log()) == BOOKINGS + 1)
        assert untold(events(data)) == untold(before) + Counter({"MeetingCancelled.v1": 1})

        assert again.end(signal.SIGTERM) == 0
        assert nothing_runs(data)
        with socket.create_server(("127.0.0.1", demo.port)):
            pass
        throw_away(data)
        assert sorted(path.name for path in data.iterdir() if path.suffix != ".log") == [
            MARK,
            "postgres.life",
            "postgres.lock",
            "postgres.users",
            "secret_keys",
        ]

    def test_comes_before_the_beginning_too(self, tmp_path: Path) -> None:
        process = subprocess.Popen(command(tmp_path / "data"), env=environment())
        eventually(lambda: (tmp_path / "data/postgres").exists() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert nothing_runs(tmp_path / "data")


def test_it_tells_how_to_use_it_only_once_its_lists_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Follower.start

    def late(follower: Follower) -> Follower:
        threading.Timer(1.0, begin, [follower]).start()
        return follower

    monkeypatch.setattr(Follower, "start", late)
    told: list[Positions] = []
    with (
        socket.create_server((ADDRESS, 0)) as listener,
        furnished(read_settings(data_dir=tmp_path / "data"), fresh=False) as (running_settings, _),
    ):

        def announce() -> None:
            told.append(position(server.app.state.oncelink.database))
            server.should_exit = True

        server = Announcing(running_settings, announce)
        server.run([listener])
    assert [at.position for at in told] == [at.head for at in told if at.head > BOOKINGS]
    assert len(told) == 1
