"""`oncelink demo`: one command on an empty machine; run twice, stopped or killed, nothing doubles or is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from api.demo.data_folder import MARKER_FILE, discard_database
from api.demo.demo import ADDRESS, AnnouncingServer, run_sample_database
from api.server import DATABASE, CannotStart
from api.settings import read_settings
from projections.following.follower import Follower
from projections.following.positions import Positions, read_positions
from store.embedded.file_lock import try_lock
from store.embedded.server import run_server
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 60.0
ROLES = ("member", "manager", "admin", "auditor", "analyst")
BOOKINGS = 57


def build_command(data_dir: Path, *extra_arguments: str, port: int = 0) -> list[str]:
    run = [sys.executable, "-c", "from api.cli.main import app; app()"]
    return [*run, "demo", "--json", "--port", str(port), "--data", str(data_dir), *extra_arguments]


def build_environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ONCELINK_")}
    return clean | {"PYTHONPATH": str(ROOT)}


def is_stopped(data_dir: Path) -> bool:
    """Every process of PostgreSQL holds this lock while it runs."""
    with try_lock(data_dir / "postgres.life") as handle:
        return handle is not None


def remove_notification_counts(counts: Counter[str]) -> Counter[str]:
    """Remove the events of the outbox workers, which can come at any time."""
    return Counter({name: count for name, count in counts.items() if not name.startswith("Mail")})


def count_events(data_dir: Path) -> Counter[str]:
    """How many events of each type the log has."""
    with run_server(data_dir) as server, psycopg.connect(server.build_url(database=DATABASE)) as connection:
        return Counter(dict(connection.execute("SELECT type, count(*) FROM oncelink.events GROUP BY type").fetchall()))


@dataclass
class DemoProcess:
    """A demo as a process, after it has announced its address."""

    process: "subprocess.Popen[str]"
    details: dict[str, Any]

    @classmethod
    def start(cls, data_dir: Path, *extra_arguments: str, port: int = 0) -> "DemoProcess":
        process = subprocess.Popen(
            build_command(data_dir, *extra_arguments, port=port),
            env=build_environment(),
            stdout=subprocess.PIPE,
            text=True,
            cwd=data_dir.parent,
        )
        assert process.stdout
        watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, f"it ended with {process.wait()}"
        return cls(process, json.loads(line))

    @property
    def port(self) -> int:
        return int(self.details["base_url"].rsplit(":", 1)[1])

    def send_request(self, method: str, path: str, role: str | None = None, body: Any = None) -> httpx2.Response:
        keys = {person["role"]: person["api_key"] for person in self.details["people"]}
        headers = {"Authorization": f"Bearer {keys[role]}"} if role else {}
        return httpx2.request(
            method, self.details["base_url"] + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS
        )

    def get(self, path: str, role: str | None = None) -> Any:
        response = self.send_request("GET", path, role)
        assert response.status_code == 200, response.text
        return response.json()

    def list_meetings(self) -> list[Any]:
        return list(self.get("/v1/meeting-log?limit=200", "manager")["items"])

    def book_meeting(self, name: str) -> Any:
        """A guest books the first time on offer behind Julio's link."""
        today = datetime.now(UTC).date()
        days = f"from={today}&to={today + timedelta(days=14)}&time_zone=UTC"
        start = self.get(f"/v1/book/julio/slots?{days}")["slots"][0]["start"]
        guest = {"name": name, "email": "guest@guest.example", "time_zone": "Asia/Tokyo"}
        response = self.send_request("POST", "/v1/book/julio", body={"start": start, "guest": guest})
        assert response.status_code == 201, response.text
        return response.json()

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    yield folder
    assert is_stopped(folder)


@pytest.fixture(scope="module")
def demo(data_dir: Path) -> Iterator[DemoProcess]:
    """A demo in a fresh folder, for tests that only look."""
    demo_process = DemoProcess.start(data_dir)
    yield demo_process
    assert demo_process.stop() == 0


class TestAFirstDemo:
    def test_answers_and_names_one_person_for_each_role(self, demo: DemoProcess) -> None:
        assert demo.get("/healthz") == {"status": "ok"}
        assert demo.details.keys() == {"base_url", "people"}
        assert [person["role"] for person in demo.details["people"]] == list(ROLES)
        for person in demo.details["people"]:
            assert person.keys() == {"role", "email", "api_key", "sign_in_url"}
            assert person["sign_in_url"].startswith(f"{demo.details['base_url']}/sign-in/")
            me = demo.get("/v1/me", person["role"])
            assert (me["email"], me["roles"]) == (person["email"], [person["role"]])

    def test_lets_each_role_do_what_is_its_own(self, demo: DemoProcess) -> None:
        person_body = {"name": "Julio", "email": "JULIO@nexora.example", "time_zone": "UTC"}

        def list_statuses(method: str, path: str, body: Any = None) -> list[int]:
            return [demo.send_request(method, path, role, body).status_code for role in ROLES]

        assert list_statuses("GET", "/v1/meeting-log") == [200, 200, 200, 200, 200]
        assert list_statuses("GET", "/v1/links?view=all") == [403, 200, 200, 200, 403]
        assert list_statuses("POST", "/v1/people", person_body) == [403, 403, 409, 403, 403]
        assert demo.send_request("GET", "/v1/meeting-log").status_code == 401

    def test_has_meetings_of_every_kind_in_its_log(self, demo: DemoProcess) -> None:
        wait_until(lambda: len(demo.list_meetings()) >= BOOKINGS)
        rows = demo.list_meetings()
        now = datetime.now(UTC).isoformat()
        assert {row["link_type"] for row in rows} == {"standard", "managed", "single_use"}
        assert {row["status"] for row in rows} == {"scheduled", "rescheduled", "cancelled", "no_show"}
        assert {row["cancelled_by"] for row in rows} == {"guest", "host", None}
        assert {row["starts_at"] < now for row in rows} == {True, False}
        assert any(not row["guest"]["name"].isascii() for row in rows)
        assert any(row["co_hosts"] for row in rows)
        assert all(row["booked_at"] < min(now, row["starts_at"]) for row in rows)

    def test_has_single_use_links_in_every_state(self, demo: DemoProcess) -> None:
        wait_until(lambda: len(demo.list_meetings()) >= BOOKINGS)
        single_use_links = demo.get("/v1/single-use?limit=200", "manager")["items"]
        assert {link["status"] for link in single_use_links} == {"active", "booked", "expired", "revoked"}
        assert any(link["recipient"] and link["label"] and link["metadata"] for link in single_use_links)

    def test_has_a_managed_link_with_three_hosts_and_one_in_the_library(self, demo: DemoProcess) -> None:
        wait_until(lambda: demo.get("/v1/managed-links", "manager")["items"])
        [managed] = demo.get("/v1/managed-links", "manager")["items"]
        assert len(managed["hosts"]) == 3
        assert len(demo.get("/v1/links?view=library", "member")["items"]) == 1


class TestASecondDemo:
    def test_beside_the_first_doubles_nothing_and_leaves_it_running(self, demo: DemoProcess, data_dir: Path) -> None:
        counts_before = count_events(data_dir)
        second_demo = DemoProcess.start(data_dir)
        assert second_demo.get("/v1/me", "member") == demo.get("/v1/me", "member")
        assert second_demo.stop() == 0
        assert count_events(data_dir) == counts_before
        assert demo.get("/healthz") == {"status": "ok"}

    def test_does_not_throw_away_a_database_in_use(self, demo: DemoProcess, data_dir: Path) -> None:
        with pytest.raises(CannotStart, match="in use"):
            discard_database(data_dir)
        assert demo.get("/v1/me", "member")

    def test_on_a_port_in_use_says_so_and_starts_nothing(self, demo: DemoProcess, tmp_path: Path) -> None:
        result = subprocess.run(
            build_command(tmp_path / "data", port=demo.port),
            env=build_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert (result.returncode, result.stdout) == (1, "")
        assert f"Port {demo.port} cannot be used" in " ".join(result.stderr.split())
        assert not (tmp_path / "data").exists()


class TestTheEnd:
    def test_keeps_every_acknowledged_booking_and_leaves_nothing_running(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        demo = DemoProcess.start(data)
        booking = demo.book_meeting("Κασσάνδρα")
        counts_before = count_events(data)
        demo.process.kill()
        demo.process.communicate(timeout=TIMEOUT_SECONDS)
        assert not is_stopped(data)
        os.kill(int((data / "postgres/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        wait_until(lambda: is_stopped(data))

        second_demo = DemoProcess.start(data, port=demo.port)
        manage = "/v1/manage/" + booking["manage_url"].rsplit("/", 1)[1]
        assert second_demo.get(manage)["booking"] == booking["booking"]
        assert second_demo.send_request("POST", f"{manage}/cancel", body={}).status_code == 200
        wait_until(lambda: len(second_demo.list_meetings()) == BOOKINGS + 1)
        assert remove_notification_counts(count_events(data)) == remove_notification_counts(counts_before) + Counter(
            {"MeetingCancelled.v1": 1}
        )

        assert second_demo.stop(signal.SIGTERM) == 0
        assert is_stopped(data)
        with socket.create_server(("127.0.0.1", demo.port)):
            pass
        discard_database(data)
        assert sorted(path.name for path in data.iterdir() if path.suffix != ".log") == [
            MARKER_FILE,
            "postgres.guardian",
            "postgres.life",
            "postgres.lock",
            "postgres.present",
            "postgres.users",
            "secret_keys",
        ]

    def test_comes_before_the_beginning_too(self, tmp_path: Path) -> None:
        process = subprocess.Popen(build_command(tmp_path / "data"), env=build_environment())
        wait_until(lambda: (tmp_path / "data/postgres").exists() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0
        assert is_stopped(tmp_path / "data")


def test_it_tells_how_to_use_it_only_once_its_lists_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_follower = Follower.start

    def start_late(follower: Follower) -> Follower:
        threading.Timer(1.0, start_follower, [follower]).start()
        return follower

    monkeypatch.setattr(Follower, "start", start_late)
    announced_positions: list[Positions] = []
    with (
        socket.create_server((ADDRESS, 0)) as listener,
        run_sample_database(read_settings(data_dir=tmp_path / "data"), fresh=False) as (running_settings, _),
    ):

        def announce() -> None:
            announced_positions.append(read_positions(server.app.state.services.database))
            server.should_exit = True

        server = AnnouncingServer(running_settings, announce)
        server.run([listener])
    assert [at.position for at in announced_positions] == [at.head for at in announced_positions if at.head > BOOKINGS]
    assert len(announced_positions) == 1
