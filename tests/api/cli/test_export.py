"""`oncelink export`: what it writes, up to where, and that it leaves nothing half-written."""

import csv
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pytest
from typer.testing import CliRunner, Result

from api.cli import command_context, main
from projections.following.positions import position
from replay import export
from replay.tree.sealed_tree import SealedTree
from tests.api.refusals import head, listed
from tests.api_driver import House
from tests.once.server_processes import wait_until

ROOT = Path(__file__).parents[3]
EVIL = {"name": "=HYPERLINK(1)", "email": "evil@guest.example", "time_zone": "UTC"}
LATE = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')"


@dataclass
class Exporter:
    """Runs the command in this process, on an organisation with a few meetings."""

    house: House
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> Result:
        """The command's result."""
        return CliRunner().invoke(main.app, ["export", *arguments], env=self.environment)

    def file(self, *arguments: str, name: str = "export") -> tuple[Path, dict[str, Any]]:
        """What was written, and its manifest."""
        path = self.folder / name
        result = self.run(*arguments, "-o", str(path))
        assert result.exit_code == 0, result.output
        manifest = json.loads((self.folder / f"{name}.manifest.json").read_text())
        content = path.read_bytes()
        assert (manifest["bytes"], manifest["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        return path, manifest

    def left(self) -> list[str]:
        """What is in the folder."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command may not change how this process ends."""
    before = {number: signal.getsignal(number) for number in command_context.ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def told(shared_house: House) -> House:
    """Three meetings: of a single-use link, cancelled with a formula; with a co-host; and on the core link."""
    house = shared_house
    link = house.link("Talk", slug="talk", co_host_ids=[house.ids["engineer"]])
    [code] = house.codes(link)
    first, second, third, *_ = house.slots("talk")
    booked = house.post(f"/v1/book/{code}", {"start": first, "guest": EVIL, "notes": "n"}, None, 201)
    house.book("talk", second)
    house.book("talk", third)
    house.post(f"/v1/bookings/{booked['booking']['id']}/cancel", {"reason": "\t-1+1"}, "manager")
    listed(house, "/v1/meeting-log", "manager")
    return house


@pytest.fixture
def exporter(told: House, tmp_path: Path) -> Exporter:
    """The command, on these."""
    settings = told.oncelink.settings
    environment = {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
    }
    folder = tmp_path / "exports"
    folder.mkdir()
    return Exporter(told, folder, environment)


def said(result: Result) -> str:
    """What a command said on standard error, in one line."""
    return " ".join(result.stderr.split())


class TestEvents:
    """The whole log."""

    def test_every_event_is_a_line(self, exporter: Exporter) -> None:
        path, manifest = exporter.file("events")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        log = exporter.house.oncelink.database.rows("SELECT * FROM {schema}.events ORDER BY position")
        names = ["position", "recorded_at", "stream_id", "version", "type", "data"]
        assert [list(line) for line in lines] == [names] * len(log)
        for line, event in zip(lines, log, strict=True):
            assert line["recorded_at"] == event["recorded_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            same = {"recorded_at": line["recorded_at"], "stream_id": str(event["stream_id"])}
            assert line == event | same
        assert (manifest["what"], manifest["format"], manifest["as_of"]) == ("events", "jsonl", None)
        assert (manifest["rows"], manifest["position"]) == (len(log), log[-1]["position"])
        assert manifest["rows_by_type"]["MeetingBooked.v1"] == 3
        assert sum(manifest["rows_by_type"].values()) == len(log)

    def test_data_is_spelled_as_the_log_spells_it(self, exporter: Exporter) -> None:
        path, _ = exporter.file("events")
        texts = exporter.house.oncelink.database.rows("SELECT data::text FROM {schema}.events ORDER BY position")
        for line, row in zip(path.read_text().splitlines(), texts, strict=True):
            assert line.endswith(f',"data":{row["data"]}}}')

    def test_is_verified_against_the_checkpoint_of_its_manifest(self, exporter: Exporter) -> None:
        tree = SealedTree(exporter.house.oncelink.database)
        wait_until(lambda: tree.head().size >= 5, "five events are sealed")
        path, manifest = exporter.file("events", "--as-of", "5")
        note = exporter.folder / "checkpoint"
        note.write_text(manifest["checkpoint"])
        assert int(manifest["checkpoint"].splitlines()[1]) == tree.head(5).size
        verify = ["verify", "--export", str(path), "--checkpoint", str(note)]
        assert CliRunner().invoke(main.app, verify, env=exporter.environment).exit_code == 0
        path.write_text(path.read_text().replace("Julio", "Julia").replace("Member", "Mumber"))
        result = CliRunner().invoke(main.app, verify, env=exporter.environment)
        assert result.exit_code == 1, result.output

    def test_small_batches_lose_nothing(self, exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
        whole, _ = exporter.file("events", name="whole")
        monkeypatch.setattr(export, "MOST_EVENTS", 3)
        pieces, _ = exporter.file("events", name="pieces")
        assert whole.read_bytes() == pieces.read_bytes()

    def test_nothing_that_is_not_settled(self, exporter: Exporter) -> None:
        """An append that is still open has a lower position than one that is done: the export waits for it."""
        database = exporter.house.oncelink.database
        with psycopg.connect(database.url) as slow:
            slow.execute(database.text(LATE), (event("slow"),))
            timer = threading.Timer(0.4, slow.commit)
            database.rows(LATE, (event("quick"),))
            timer.start()
            path, manifest = exporter.file("events")
            timer.join()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["data"] for line in lines[-2:]] == [{"is": "slow"}, {"is": "quick"}]
        assert manifest["position"] == head(exporter.house)

    def test_as_csv(self, exporter: Exporter) -> None:
        path, manifest = exporter.file("events", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        assert len(rows) == manifest["rows"]
        assert rows[0].keys() == {"position", "recorded_at", "stream_id", "version", "type", "data"}
        assert json.loads(rows[0]["data"])["name"]

    def test_as_parquet(self, exporter: Exporter) -> None:
        lines, _ = exporter.file("events", name="lines")
        path, manifest = exporter.file("events", "--format", "parquet")
        found = duckdb.sql(
            f"SELECT position, recorded_at, stream_id, version, type, data FROM read_parquet('{path}')"
        ).fetchall()
        expected = [json.loads(line) for line in lines.read_text().splitlines()]
        assert [(*row[:1], *row[2:5], json.loads(row[5])) for row in found] == [
            (one["position"], one["stream_id"], one["version"], one["type"], one["data"]) for one in expected
        ]
        assert [row[1] for row in found] == [datetime.fromisoformat(one["recorded_at"]) for one in expected]
        assert manifest["rows"] == len(found)
        assert exporter.left() == ["export", "export.manifest.json", "lines", "lines.manifest.json"]


class TestMeetingLog:
    """Every meeting that was booked."""

    def test_rows_are_those_of_the_api(self, exporter: Exporter) -> None:
        path, manifest = exporter.file("meeting-log")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        answered = listed(exporter.house, "/v1/meeting-log?sort=booked_at", "manager")["items"]
        assert [instants(row) for row in rows] == [instants(row) for row in answered]
        assert manifest["rows_by_status"] == {"cancelled": 1, "scheduled": 2}

    @pytest.mark.parametrize("format", ["csv", "parquet"])
    def test_flat_formats_have_the_same_columns(self, exporter: Exporter, format: str) -> None:
        path, _ = exporter.file("meeting-log", "--format", format)
        if format == "csv":
            text = path.read_bytes().decode()
            header, *rows = csv.reader(io.StringIO(text, newline=""))
            assert "'=HYPERLINK(1)" in rows[0]
            assert "'\t-1+1" in rows[0]
            assert not [one for row in rows for one in row if one.startswith(("=", "+", "-", "@", "\t", "\r"))]
        else:
            found = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
            header = found.columns
            assert [str(found.types[header.index(name)]) for name in ("booked_at", "reschedule_count", "erased")] == [
                "TIMESTAMP WITH TIME ZONE",
                "INTEGER",
                "BOOLEAN",
            ]
            assert found.filter("guest_name = '=HYPERLINK(1)'").fetchall()
        assert header[:3] == ["booking_id", "booked_at", "status"]
        assert header[-1] == "erased"

    def test_as_of_shows_what_was(self, exporter: Exporter) -> None:
        house = exporter.house
        before = head(house)
        [link] = [one for one in house.get("/v1/links", "member")["items"] if one["slug"] == "talk"]
        house.patch(f"/v1/links/{link['id']}", {"name": "Renamed"}, "member")
        then, manifest = exporter.file("meeting-log", "--as-of", str(before))
        now, _ = exporter.file("meeting-log", name="now")
        assert {json.loads(line)["link"]["name"] for line in then.read_text().splitlines()} == {"Talk"}
        assert {json.loads(line)["link"]["name"] for line in now.read_text().splitlines()} == {"Renamed"}
        assert (manifest["position"], manifest["as_of"]) == (before, str(before))
        house.patch(f"/v1/links/{link['id']}", {"name": "Talk"}, "member")

    def test_an_instant_is_the_log_up_to_it(self, exporter: Exporter) -> None:
        rows = exporter.house.oncelink.database.rows(
            "SELECT position, recorded_at FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position"
        )
        at = rows[1]["recorded_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        path, manifest = exporter.file("meeting-log", "--as-of", at)
        assert len(path.read_text().splitlines()) == 2
        assert manifest["position"] == rows[1]["position"]

    def test_nothing_of_somebody_erased(self, exporter: Exporter) -> None:
        house = exporter.house
        house.codes(house.link("For Zqx", who="member"))
        guest = {"name": "Zqx Guest", "email": "zqx@guest.example", "time_zone": "UTC"}
        start = house.slots("talk")[5]
        house.post("/v1/book/talk", {"start": start, "guest": guest, "notes": "zqx"}, None, 201)
        before = head(house)
        assert b"Zqx Guest" in exporter.file("meeting-log")[0].read_bytes()
        house.post("/v1/erasures", {"email": "ZQX@guest.example"}, "admin", 201)
        for what in ("meeting-log", "events"):
            for more in ([], ["--as-of", str(before)]):
                text = exporter.file(what, *more)[0].read_text().lower()
                assert text
                assert "zqx guest" not in text
                assert "zqx@" not in text


class TestRefusals:
    """What is wrong is said in a sentence, and nothing is written."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["people"], "what: Choose events or meeting-log."),
            (["events", "--format", "xml"], "format: Choose jsonl, csv or parquet."),
            (["events", "--as-of", "2999-01-01T00:00:00Z"], "as-of: This instant is in the future."),
            (["events", "--as-of", "2001-01-01T00:00:00Z"], "as-of: This is before the log, which begins at"),
            (["events", "--as-of", "999999999"], "as-of: This is in the future: the log ends at"),
            (["events", "--as-of", "0"], "as-of: This is before the log"),
            (["events", "--as-of", "yesterday"], "as-of: Send a time as RFC 3339"),
            (["events", "--as-of", "9" * 40], "as-of: Send a time as RFC 3339"),
        ],
    )
    def test_what_is_wrong_is_named(self, exporter: Exporter, arguments: list[str], words: str) -> None:
        result = exporter.run(*arguments, "-o", str(exporter.folder / "export"))
        assert result.exit_code == 2
        assert words in said(result)
        assert exporter.left() == []

    def test_parquet_without_duckdb_says_how_to_install_it(
        self, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "duckdb", None)
        result = exporter.run("events", "--format", "parquet", "-o", str(exporter.folder / "export"))
        assert result.exit_code == 1
        assert "oncelink[parquet]" in said(result)
        assert exporter.left() == []

    def test_a_folder_that_is_not_there(self, exporter: Exporter) -> None:
        result = exporter.run("events", "-o", str(exporter.folder / "none" / "export"))
        assert result.exit_code == 1
        assert "No such file or directory" in said(result)
        assert exporter.run("events", "-o", str(exporter.folder)).exit_code == 1


class TestFullDisk:
    """Nothing half-written is left, and what was there before stays."""

    @pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
    def test_a_file_that_does_not_fit(self, exporter: Exporter, format: str) -> None:
        (exporter.folder / "export").write_text("as it was")
        with disk_of(3_000):
            result = exporter.run("events", "--format", format, "-o", str(exporter.folder / "export"))
        assert result.exit_code == 1
        assert "could not be written" in said(result)
        assert exporter.left() == ["export"]
        assert (exporter.folder / "export").read_text() == "as it was"

    def test_a_manifest_that_does_not_fit(self, exporter: Exporter) -> None:
        target = exporter.folder / "export"
        result = exporter.run("events", "-o", str(target), "--manifest", "/dev/full")
        assert result.exit_code == 1
        assert "No space left on device" in said(result)
        assert exporter.left() == []

    @pytest.mark.parametrize("format", ["jsonl", "parquet"])
    def test_a_device(self, exporter: Exporter, format: str) -> None:
        result = exporter.run("events", "--format", format, "-o", "/dev/full")
        assert result.exit_code == 1
        assert "No space left on device" in said(result)
        assert Path("/dev/full").is_char_device()
        assert exporter.left() == []

    def test_interrupted(self, exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = export.Events.rows

        def ended_half_way(self: export.Events) -> Iterator[Any]:
            for number, row in enumerate(rows(self)):
                if number == 5:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield row

        monkeypatch.setattr(export.Events, "rows", ended_half_way)
        result = exporter.run("events", "-o", str(exporter.folder / "export"))
        assert result.exit_code == 130
        assert exporter.left() == []

    def test_standard_output(self, exporter: Exporter) -> None:
        done = finished(exporter, ["events", "--manifest", str(exporter.folder / "m.json")], subprocess.PIPE)
        assert done.returncode == 0
        manifest = json.loads((exporter.folder / "m.json").read_text())
        assert hashlib.sha256(done.stdout).hexdigest() == manifest["sha256"]
        with open("/dev/full", "wb") as full:
            done = finished(exporter, ["events", "--manifest", str(exporter.folder / "n.json")], full)
        assert (done.returncode, b"No space left on device" in done.stderr) == (1, True)
        assert b"Traceback" not in done.stderr
        assert exporter.left() == ["m.json"]


class TestMemory:
    """It stays the same however long the log is."""

    @pytest.mark.parametrize("kind", [export.Events, export.Meetings])
    def test_is_constant(
        self, kind: Callable[..., Any], exporter: Exporter, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export, "MOST_EVENTS", 50)
        monkeypatch.setattr(export, "MOST_MEETINGS", 25)
        database = exporter.house.oncelink.database
        peaks = []
        for copies in (100, 500):
            multiply(exporter, superuser_url, copies)
            wait_until(lambda: position(database).position == head(exporter.house), "the follower is done")
            tracemalloc.start()
            count = sum(1 for _ in kind(database, head(exporter.house)).rows())
            peaks.append((count, tracemalloc.get_traced_memory()[1]))
            tracemalloc.stop()
        (few, small), (many, large) = peaks
        assert many > few + 499
        assert large < 1.3 * small


MULTIPLY = """
WITH one AS (
    SELECT stream_id FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position LIMIT 1
), copy AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, %s) n)
INSERT INTO {schema}.events (stream_id, version, type, data)
SELECT copy.id, e.version, e.type, e.data FROM copy, {schema}.events e JOIN one USING (stream_id) ORDER BY n, version
"""


def multiply(exporter: Exporter, superuser_url: str, copies: int) -> None:
    """More streams like one that is there."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute(exporter.house.oncelink.database.text(MULTIPLY), (copies,))


def event(word: str) -> str:
    """An event of no meaning, for `append`."""
    return json.dumps([{"stream": str(uuid4()), "version": 1, "type": "Word.v1", "data": {"is": word}}])


def instants(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose instants can be compared."""
    return {
        name: datetime.fromisoformat(value) if value and name.endswith("_at") else value for name, value in row.items()
    }


def finished(exporter: Exporter, arguments: list[str], output: Any) -> "subprocess.CompletedProcess[bytes]":
    """The command in a process of its own, its output going there."""
    line = [sys.executable, "-c", "from api.cli.main import app; app()", "export", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | exporter.environment
    return subprocess.run(line, stdout=output, stderr=subprocess.PIPE, env=environment, timeout=120, check=False)


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file can grow beyond this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
