"""`oncelink verify` and `oncelink checkpoint`, as an operator's cron and an auditor's own machine run them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import Result

from api.settings import Settings
from replay.tree.sealer import seal_all_events
from replay.tree.signed_note import Signer, Verifier, parse_notes
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver
from tests.cli_driver import build_environment, read_error, run_command
from tests.conftest import SECRET, retire_key
from tests.replay.verify.conftest import SealedLog
from tests.replay.verify.test_verify_export import EXPORT

Run = Callable[..., Result]


def build_runner(settings: Settings) -> Run:
    """Build a runner of commands with these settings; each can be overridden."""
    environment = build_environment(settings)
    return lambda *words, **overrides: run_command(environment | overrides, *words)


@pytest.fixture
def run(sealed_log: SealedLog) -> Run:
    """A runner of commands on the sealed log."""
    return build_runner(sealed_log.settings)


class TestCheckpoint:
    """`oncelink checkpoint`."""

    def test_prints_a_signed_note(self, run: Run, sealed_log: SealedLog) -> None:
        result = run("checkpoint")
        assert result.exit_code == 0
        [note] = parse_notes(result.stdout.encode())
        note.verify_signature([Signer.from_secret(f"testserver/{sealed_log.settings.db_schema}", SECRET).verifier])

    def test_prints_the_keys(self, run: Run) -> None:
        keys = run("checkpoint", "--key", ONCELINK_SECRET_KEYS=f"{SECRET[::-1]},{SECRET}").stdout.split()
        assert len({Verifier.from_text(key).id for key in keys}) == 2

    def test_adds_to_a_file(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        for count in (1, 2, 3):
            assert run("checkpoint", "-o", path, *(["--exact"] if count == 3 else [])).exit_code == 0
            assert len(parse_notes(path.read_bytes())) == count
        assert list(tmp_path.iterdir()) == [path]
        assert run("verify", "--checkpoint", path).exit_code == 0

    def test_leaves_other_files_alone(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "diary"
        path.write_text("dear diary")
        result = run("checkpoint", "-o", path)
        assert result.exit_code == 2
        assert str(path) in result.stderr.replace("\n", "")
        assert path.read_text() == "dear diary"
        assert run("checkpoint", "-o", tmp_path / "no" / "where").exit_code == 2


class TestVerify:
    """`oncelink verify`."""

    def test_a_healthy_log(self, run: Run) -> None:
        result = run("verify")
        assert result.exit_code == 0
        assert "no problems" in result.stdout
        report = json.loads(run("verify", "--json").stdout)
        assert report["ok"] is True
        assert report["problems"] == []
        assert set(report["read_models"].values()) == {0}

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "cannot be read"),
            ("", "is empty"),
            ("hello", "no signature"),
            (Signer.from_secret("elsewhere/oncelink", SECRET).sign_note("elsewhere/oncelink\n0\nAAAA\n"), "foreign"),
        ],
    )
    def test_a_corrupt_or_foreign_checkpoint(
        self, run: Run, tmp_path: Path, content: str | None, sentence: str
    ) -> None:
        path = tmp_path / "kept"
        if content is not None:
            path.write_text(content, encoding="utf-8")
        result = run("verify", "--checkpoint", path)
        assert result.exit_code == 2
        assert sentence in read_error(result)
        assert "--checkpoint" in read_error(result)
        assert result.stdout == ""

    def test_a_damaged_checkpoint(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout.replace("positions 1-", "positions 2-"), encoding="utf-8")
        result = run("verify", "--checkpoint", path)
        assert result.exit_code == 2
        assert "changed or damaged" in read_error(result)

    def test_under_another_address(self, run: Run, sealed_log: SealedLog, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout, encoding="utf-8")
        overrides = {"ONCELINK_BASE_URL": "https://new.example"}
        assert "foreign" in read_error(run("verify", "--checkpoint", path, **overrides))
        origin = f"testserver/{sealed_log.settings.db_schema}"
        assert run("verify", "--checkpoint", path, "--origin", origin, **overrides).exit_code == 0

    @pytest.fixture
    def retired(self, sealed_log: SealedLog) -> Iterator[None]:
        """The key was given up, which is taken back."""
        retire_key(sealed_log.settings)
        yield
        sealed_log.fetch_rows("UPDATE {schema}.secret_keys SET retired_at = NULL RETURNING fingerprint")

    @pytest.mark.usefixtures("retired")
    def test_after_the_secret_key_was_dropped(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout, encoding="utf-8")
        key = run("checkpoint", "--key").stdout.strip()
        overrides = {"ONCELINK_SECRET_KEYS": SECRET[::-1]}
        assert run("verify", "--checkpoint", path, **overrides).exit_code == 2
        assert run("verify", "--checkpoint", path, "--key", key, **overrides).exit_code == 0
        assert run("verify", "--checkpoint", path, "--key", "zqx", **overrides).exit_code == 2


class TestOffline:
    """`oncelink verify --export`: on a machine with neither database nor secrets."""

    @pytest.fixture
    def files(self, run: Run, sealed_log: SealedLog, tmp_path: Path) -> tuple[Path, Path, str]:
        """An export, a checkpoint, and the key that an auditor got with the first one."""
        export, checkpoint_path = tmp_path / "events.jsonl", tmp_path / "kept"
        export.write_text("".join(json.dumps(row) + "\n" for row in sealed_log.fetch_rows(EXPORT)), encoding="utf-8")
        checkpoint_path.write_text(run("checkpoint").stdout, encoding="utf-8")
        return export, checkpoint_path, run("checkpoint", "--key").stdout.strip()

    @pytest.fixture
    def offline_environment(self, tmp_path: Path) -> dict[str, str]:
        """The auditor's machine."""
        unreachable_url = "postgresql://nobody@127.0.0.1:1/nothing"
        return {
            "ONCELINK_DATABASE_URL": unreachable_url,
            "ONCELINK_SECRET_KEYS": "",
            "ONCELINK_DATA_DIR": str(tmp_path / "none"),
        }

    def test_a_full_export(self, run: Run, files: tuple[Path, Path, str], offline_environment: dict[str, str]) -> None:
        export, checkpoint_path, key = files
        result = run("verify", "--export", export, "--checkpoint", checkpoint_path, "--key", key, **offline_environment)
        assert result.exit_code == 0, read_error(result)
        assert (
            f"The root of these events is {checkpoint_path.read_text(encoding='utf-8').splitlines()[2]}."
            in result.stdout
        )
        assert not (checkpoint_path.parent / "none").exists()

    def test_a_changed_export(
        self, run: Run, files: tuple[Path, Path, str], offline_environment: dict[str, str]
    ) -> None:
        export, checkpoint_path, key = files
        lines = export.read_text(encoding="utf-8").splitlines(keepends=True)
        export.write_text("".join([*lines[:19], *lines[20:]]), encoding="utf-8")
        result = run(
            "verify", "--export", export, "--checkpoint", checkpoint_path, "--key", key, "--json", **offline_environment
        )
        assert result.exit_code == 1
        report = json.loads(result.stdout)
        assert ("checkpoint", json.loads(lines[19])["position"]) in [
            (problem["check"], problem["position"]) for problem in report["problems"]
        ]

    def test_an_empty_export(self, run: Run, tmp_path: Path, offline_environment: dict[str, str]) -> None:
        (tmp_path / "events.jsonl").write_text("")
        result = run("verify", "--export", tmp_path / "events.jsonl", **offline_environment)
        assert (result.exit_code, "it is empty" in result.stdout) == (1, True)
        assert (
            run("verify", "--export", tmp_path / "events.jsonl", "--allow-empty", **offline_environment).exit_code == 0
        )

    def test_without_a_key(self, run: Run, files: tuple[Path, Path, str], offline_environment: dict[str, str]) -> None:
        result = run("verify", "--export", files[0], "--checkpoint", files[1], **offline_environment)
        assert result.exit_code == 2
        assert "--key" in read_error(result)
        assert not (files[1].parent / "none").exists()

    def test_what_is_no_export(
        self, run: Run, files: tuple[Path, Path, str], offline_environment: dict[str, str]
    ) -> None:
        result = run("verify", "--export", files[1], **offline_environment)
        assert result.exit_code == 2
        assert "Line 1 is not an event" in read_error(result)
        assert run("verify", "--export", "/nowhere", **offline_environment).exit_code == 2


def test_a_rewritten_history_is_named(api: ApiDriver, settings: Settings, superuser_url: str, tmp_path: Path) -> None:
    """The whole way: kept by the auditor, rewritten by the superuser with every hash made anew, found by cron."""
    run, checkpoint_path, database = build_runner(settings), tmp_path / "kept", api.services.database
    link = api.create_link("Intro")
    fetch_list(api, "/v1/links", "member")
    seal_all_events(database)
    assert run("checkpoint", "-o", checkpoint_path).exit_code == 0
    with psycopg.connect(superuser_url) as connection:
        query = """UPDATE {schema}.events SET data = data || '{{"request_id": "x"}}'
            WHERE stream_id = %s RETURNING position"""
        row = connection.execute(database.compose_query(query), (link["id"],)).fetchone()
        connection.execute(database.compose_query("DELETE FROM {schema}.sealed_events"))
        connection.execute(database.compose_query("DELETE FROM {schema}.sealed_nodes"))
        connection.execute(database.compose_query("SELECT {schema}.seal(100000)"))
    assert run("verify").exit_code == 0
    result = run("verify", "--checkpoint", checkpoint_path)
    assert result.exit_code == 1
    assert row is not None
    assert f"it first differs at position {row[0]} (the event was changed)" in result.stdout
