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
from typer.testing import Result

from projections.following.positions import read_positions
from replay import export
from replay.tree.sealed_tree import SealedTree
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver
from tests.cli_driver import build_environment, read_error, run_command
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
EVIL = {"name": "=HYPERLINK(1)", "email": "evil@guest.example", "time_zone": "UTC"}
LATE = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')"


@dataclass
class ExportRunner:
    """Runs the export command in this process on an organisation with a few meetings."""

    api: ApiDriver
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run_command(self, *arguments: str) -> Result:
        """The command's result."""
        return run_command(self.environment, "export", *arguments)

    def export_file(self, *arguments: str, name: str = "export") -> tuple[Path, dict[str, Any]]:
        """Export to a file. Returns its path and its manifest."""
        path = self.folder / name
        result = self.run_command(*arguments, "-o", str(path))
        assert result.exit_code == 0, result.output
        manifest = json.loads((self.folder / f"{name}.manifest.json").read_text())
        content = path.read_bytes()
        assert (manifest["bytes"], manifest["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        return path, manifest

    def list_files(self) -> list[str]:
        """List the files in the folder."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(scope="module")
def meetings_api(shared_api: ApiDriver) -> ApiDriver:
    """Three meetings: of a single-use link, cancelled with a formula; with a co-host; and on the core link."""
    api = shared_api
    link = api.create_link("Talk", slug="talk", co_host_ids=[api.ids["engineer"]])
    [code] = api.create_codes(link)
    first_start, second_start, third_start, *_ = api.list_slots("talk")
    booking = api.post(f"/v1/book/{code}", {"start": first_start, "guest": EVIL, "notes": "n"}, None, 201)
    api.book_meeting("talk", second_start)
    api.book_meeting("talk", third_start)
    api.post(f"/v1/bookings/{booking['booking']['id']}/cancel", {"reason": "\t-1+1"}, "manager")
    fetch_list(api, "/v1/meeting-log", "manager")
    return api


@pytest.fixture
def exporter(meetings_api: ApiDriver, tmp_path: Path) -> ExportRunner:
    """The command, on these."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return ExportRunner(meetings_api, folder, build_environment(meetings_api.services.settings))


class TestEvents:
    """The whole log."""

    def test_every_event_is_a_line(self, exporter: ExportRunner) -> None:
        path, manifest = exporter.export_file("events")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        log = exporter.api.services.database.fetch_rows("SELECT * FROM {schema}.events ORDER BY position")
        names = ["position", "recorded_at", "stream_id", "version", "type", "data"]
        assert [list(line) for line in lines] == [names] * len(log)
        for line, event in zip(lines, log, strict=True):
            assert line["recorded_at"] == event["recorded_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            expected_fields = {"recorded_at": line["recorded_at"], "stream_id": str(event["stream_id"])}
            assert line == event | expected_fields
        assert (manifest["what"], manifest["format"], manifest["as_of"]) == ("events", "jsonl", None)
        assert (manifest["rows"], manifest["position"]) == (len(log), log[-1]["position"])
        assert manifest["rows_by_type"]["MeetingBooked.v1"] == 3
        assert sum(manifest["rows_by_type"].values()) == len(log)

    def test_data_is_spelled_as_the_log_spells_it(self, exporter: ExportRunner) -> None:
        path, _ = exporter.export_file("events")
        texts = exporter.api.services.database.fetch_rows("SELECT data::text FROM {schema}.events ORDER BY position")
        for line, row in zip(path.read_text().splitlines(), texts, strict=True):
            assert line.endswith(f',"data":{row["data"]}}}')

    def test_is_verified_against_the_checkpoint_of_its_manifest(self, exporter: ExportRunner) -> None:
        tree = SealedTree(exporter.api.services.database)
        wait_until(lambda: tree.read_head().size >= 5, "five events are sealed")
        path, manifest = exporter.export_file("events", "--as-of", "5")
        note = exporter.folder / "checkpoint"
        note.write_text(manifest["checkpoint"])
        assert int(manifest["checkpoint"].splitlines()[1]) == tree.read_head(5).size
        verify = ["verify", "--export", str(path), "--checkpoint", str(note)]
        assert run_command(exporter.environment, *verify).exit_code == 0
        path.write_text(path.read_text().replace("Julio", "Julia").replace("Member", "Mumber"))
        result = run_command(exporter.environment, *verify)
        assert result.exit_code == 1, result.output

    @pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
    def test_holds_no_calendars_secret(self, api: ApiDriver, tmp_path: Path, format: str) -> None:
        secret = "s3cretFeedOfTheMember"
        api.patch("/v1/me", {"busy_feed_url": f"https://127.0.0.1/{secret}.ics"}, "member")
        exporter = ExportRunner(api, tmp_path, build_environment(api.services.settings))
        tree, position = SealedTree(api.services.database), find_last_position(api)
        wait_until(lambda: tree.read_head(position).size > 0 and tree.read_head().size >= position, "all is sealed")
        path, manifest = exporter.export_file("events", "--format", format)
        assert secret.encode() not in path.read_bytes()
        if format == "parquet":
            assert secret not in str(duckdb.read_parquet(str(path)).fetchall())
        if format == "jsonl":
            (tmp_path / "checkpoint").write_text(manifest["checkpoint"])
            arguments = ["verify", "--json", "--export", path, "--checkpoint", tmp_path / "checkpoint"]
            result = run_command(exporter.environment, *arguments)
            report = json.loads(result.stdout)
            assert (result.exit_code, report["withheld_events"], report["problems"]) == (0, 1, [])

    def test_small_batches_lose_nothing(self, exporter: ExportRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        whole_file, _ = exporter.export_file("events", name="whole")
        monkeypatch.setattr(export, "EVENTS_PER_BATCH", 3)
        batched_file, _ = exporter.export_file("events", name="pieces")
        assert whole_file.read_bytes() == batched_file.read_bytes()

    def test_nothing_that_is_not_settled(self, exporter: ExportRunner) -> None:
        """An append that is still open has a lower position than one that is done: the export waits for it."""
        database = exporter.api.services.database
        with psycopg.connect(database.url) as slow_connection:
            slow_connection.execute(database.compose_query(LATE), (build_event("slow"),))
            timer = threading.Timer(0.4, slow_connection.commit)
            database.fetch_rows(LATE, (build_event("quick"),))
            timer.start()
            path, manifest = exporter.export_file("events")
            timer.join()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["data"] for line in lines[-2:]] == [{"is": "slow"}, {"is": "quick"}]
        assert manifest["position"] == find_last_position(exporter.api)

    def test_as_csv(self, exporter: ExportRunner) -> None:
        path, manifest = exporter.export_file("events", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        assert len(rows) == manifest["rows"]
        assert rows[0].keys() == {"position", "recorded_at", "stream_id", "version", "type", "data"}
        assert json.loads(rows[0]["data"])["name"]

    def test_as_parquet(self, exporter: ExportRunner) -> None:
        lines, _ = exporter.export_file("events", name="lines")
        path, manifest = exporter.export_file("events", "--format", "parquet")
        rows = duckdb.sql(
            f"SELECT position, recorded_at, stream_id, version, type, data FROM read_parquet('{path}')"
        ).fetchall()
        expected = [json.loads(line) for line in lines.read_text().splitlines()]
        assert [(*row[:1], *row[2:5], json.loads(row[5])) for row in rows] == [
            (event["position"], event["stream_id"], event["version"], event["type"], event["data"])
            for event in expected
        ]
        assert [row[1] for row in rows] == [datetime.fromisoformat(event["recorded_at"]) for event in expected]
        assert manifest["rows"] == len(rows)
        assert exporter.list_files() == ["export", "export.manifest.json", "lines", "lines.manifest.json"]


class TestMeetingLog:
    """Every meeting that was booked."""

    def test_rows_are_those_of_the_api(self, exporter: ExportRunner) -> None:
        path, manifest = exporter.export_file("meeting-log")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        meetings = fetch_list(exporter.api, "/v1/meeting-log?sort=booked_at", "manager")["items"]
        assert [parse_instants(row) for row in rows] == [parse_instants(row) for row in meetings]
        assert manifest["rows_by_status"] == {"cancelled": 1, "scheduled": 2}

    @pytest.mark.parametrize("format", ["csv", "parquet"])
    def test_flat_formats_have_the_same_columns(self, exporter: ExportRunner, format: str) -> None:
        path, _ = exporter.export_file("meeting-log", "--format", format)
        if format == "csv":
            text = path.read_bytes().decode()
            header, *rows = csv.reader(io.StringIO(text, newline=""))
            assert "'=HYPERLINK(1)" in rows[0]
            assert "'\t-1+1" in rows[0]
            assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        else:
            relation = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
            header = relation.columns
            assert [
                str(relation.types[header.index(name)]) for name in ("booked_at", "reschedule_count", "erased")
            ] == [
                "TIMESTAMP WITH TIME ZONE",
                "INTEGER",
                "BOOLEAN",
            ]
            assert relation.filter("guest_name = '=HYPERLINK(1)'").fetchall()
        assert header[:3] == ["booking_id", "booked_at", "status"]
        assert header[-1] == "erased"

    def test_as_of_shows_what_was(self, exporter: ExportRunner) -> None:
        api = exporter.api
        position_before = find_last_position(api)
        [link] = [link_row for link_row in api.get("/v1/links", "member")["items"] if link_row["slug"] == "talk"]
        api.patch(f"/v1/links/{link['id']}", {"name": "Renamed"}, "member")
        past_file, manifest = exporter.export_file("meeting-log", "--as-of", str(position_before))
        now, _ = exporter.export_file("meeting-log", name="now")
        assert {json.loads(line)["link"]["name"] for line in past_file.read_text().splitlines()} == {"Talk"}
        assert {json.loads(line)["link"]["name"] for line in now.read_text().splitlines()} == {"Renamed"}
        assert (manifest["position"], manifest["as_of"]) == (position_before, str(position_before))
        api.patch(f"/v1/links/{link['id']}", {"name": "Talk"}, "member")

    def test_an_instant_is_the_log_up_to_it(self, exporter: ExportRunner) -> None:
        rows = exporter.api.services.database.fetch_rows(
            "SELECT position, recorded_at FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position"
        )
        at = rows[1]["recorded_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        path, manifest = exporter.export_file("meeting-log", "--as-of", at)
        assert len(path.read_text().splitlines()) == 2
        assert manifest["position"] == rows[1]["position"]

    def test_nothing_of_somebody_erased(self, exporter: ExportRunner) -> None:
        api = exporter.api
        api.create_codes(api.create_link("For Zqx", who="member"))
        guest = {"name": "Zqx Guest", "email": "zqx@guest.example", "time_zone": "UTC"}
        start = api.list_slots("talk")[5]
        api.post("/v1/book/talk", {"start": start, "guest": guest, "notes": "zqx"}, None, 201)
        position_before = find_last_position(api)
        assert b"Zqx Guest" in exporter.export_file("meeting-log")[0].read_bytes()
        api.post("/v1/erasures", {"email": "ZQX@guest.example"}, "admin", 201)
        for export_name in ("meeting-log", "events"):
            for extra_arguments in ([], ["--as-of", str(position_before)]):
                text = exporter.export_file(export_name, *extra_arguments)[0].read_text().lower()
                assert text
                assert "zqx guest" not in text
                assert "zqx@" not in text


class TestRefusals:
    """What is wrong is said in a sentence, and nothing is written."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
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
    def test_what_is_wrong_is_named(self, exporter: ExportRunner, arguments: list[str], message: str) -> None:
        result = exporter.run_command(*arguments, "-o", str(exporter.folder / "export"))
        assert result.exit_code == 2
        assert message in read_error(result)
        assert exporter.list_files() == []

    def test_parquet_without_duckdb_says_how_to_install_it(
        self, exporter: ExportRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "duckdb", None)
        result = exporter.run_command("events", "--format", "parquet", "-o", str(exporter.folder / "export"))
        assert result.exit_code == 1
        assert "'./oncelink-….whl[parquet]'" in read_error(result)
        assert "install 'oncelink[" not in read_error(result)  # a package of that name is not ours
        assert exporter.list_files() == []

    def test_a_folder_that_is_not_there(self, exporter: ExportRunner) -> None:
        result = exporter.run_command("events", "-o", str(exporter.folder / "none" / "export"))
        assert result.exit_code == 1
        assert "No such file or directory" in read_error(result)
        assert exporter.run_command("events", "-o", str(exporter.folder)).exit_code == 1


class TestFullDisk:
    """Nothing half-written is left, and what was there before stays."""

    @pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
    def test_a_file_that_does_not_fit(self, exporter: ExportRunner, format: str) -> None:
        (exporter.folder / "export").write_text("as it was")
        with limit_file_size(3_000):
            result = exporter.run_command("events", "--format", format, "-o", str(exporter.folder / "export"))
        assert result.exit_code == 1
        assert "could not be written" in read_error(result)
        assert exporter.list_files() == ["export"]
        assert (exporter.folder / "export").read_text() == "as it was"

    def test_a_manifest_that_does_not_fit(self, exporter: ExportRunner) -> None:
        target = exporter.folder / "export"
        result = exporter.run_command("events", "-o", str(target), "--manifest", "/dev/full")
        assert result.exit_code == 1
        assert "No space left on device" in read_error(result)
        assert exporter.list_files() == []

    @pytest.mark.parametrize("format", ["jsonl", "parquet"])
    def test_a_device(self, exporter: ExportRunner, format: str) -> None:
        result = exporter.run_command("events", "--format", format, "-o", "/dev/full")
        assert result.exit_code == 1
        assert "No space left on device" in read_error(result)
        assert Path("/dev/full").is_char_device()
        assert exporter.list_files() == []

    def test_interrupted(self, exporter: ExportRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = export.EventExport.iterate_rows

        def raise_half_way(self: export.EventExport) -> Iterator[Any]:
            for number, row in enumerate(rows(self)):
                if number == 5:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield row

        monkeypatch.setattr(export.EventExport, "iterate_rows", raise_half_way)
        result = exporter.run_command("events", "-o", str(exporter.folder / "export"))
        assert result.exit_code == 130
        assert exporter.list_files() == []

    def test_standard_output(self, exporter: ExportRunner) -> None:
        process = run_process(exporter, ["events", "--manifest", str(exporter.folder / "m.json")], subprocess.PIPE)
        assert process.returncode == 0
        manifest = json.loads((exporter.folder / "m.json").read_text())
        assert hashlib.sha256(process.stdout).hexdigest() == manifest["sha256"]
        with open("/dev/full", "wb") as full_device:
            process = run_process(exporter, ["events", "--manifest", str(exporter.folder / "n.json")], full_device)
        assert (process.returncode, b"No space left on device" in process.stderr) == (1, True)
        assert b"Traceback" not in process.stderr
        assert exporter.list_files() == ["m.json"]


class TestMemoryUse:
    """It stays the same however long the log is."""

    @pytest.mark.parametrize("kind", [export.EventExport, export.MeetingExport])
    def test_is_constant(
        self, kind: Callable[..., Any], exporter: ExportRunner, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export, "EVENTS_PER_BATCH", 50)
        monkeypatch.setattr(export, "MEETINGS_PER_BATCH", 25)
        database = exporter.api.services.database
        peaks = []
        for copies in (100, 500):
            copy_streams(exporter, superuser_url, copies)
            wait_until(
                lambda: read_positions(database).position == find_last_position(exporter.api), "the follower is done"
            )
            tracemalloc.start()
            count = sum(1 for _ in kind(database, find_last_position(exporter.api)).iterate_rows())
            peaks.append((count, tracemalloc.get_traced_memory()[1]))
            tracemalloc.stop()
        (few_count, small_peak), (many_count, large_peak) = peaks
        assert many_count > few_count + 499
        assert large_peak < 1.3 * small_peak


MULTIPLY = """
WITH one AS (
    SELECT stream_id FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position LIMIT 1
), copy AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, %s) n)
INSERT INTO {schema}.events (stream_id, version, type, data)
SELECT copy.id, e.version, e.type, e.data FROM copy, {schema}.events e JOIN one USING (stream_id) ORDER BY n, version
"""


def copy_streams(exporter: ExportRunner, superuser_url: str, copies: int) -> None:
    """Add copies of an existing stream."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute(exporter.api.services.database.compose_query(MULTIPLY), (copies,))


def build_event(text: str) -> str:
    """An event of no meaning, for `append`."""
    return json.dumps([{"stream": str(uuid4()), "version": 1, "type": "Word.v1", "data": {"is": text}}])


def parse_instants(row: dict[str, Any]) -> dict[str, Any]:
    """Parse a row's instants so that rows can be compared."""
    return {
        name: datetime.fromisoformat(value) if value and name.endswith("_at") else value for name, value in row.items()
    }


def run_process(exporter: ExportRunner, arguments: list[str], output: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run the command as a process with this output."""
    line = [sys.executable, "-c", "from api.cli.main import app; app()", "export", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | exporter.environment
    return subprocess.run(line, stdout=output, stderr=subprocess.PIPE, env=environment, timeout=120, check=False)


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Limit the size of files."""
    previous_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, previous_limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, previous_limit)
