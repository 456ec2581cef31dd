"""`oncelink verify` and `oncelink checkpoint`, as an operator's cron and an auditor's own machine run them."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from api.cli import command_context, main
from api.settings import Settings
from replay.tree.sealer import seal_all
from replay.tree.signed_note import Signer, Verifier, notes
from tests.api.refusals import listed
from tests.api_driver import House
from tests.conftest import SECRET, retire_key
from tests.replay.verify.conftest import World
from tests.replay.verify.test_verify_export import EXPORT

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command may not change how this process logs, ends or is set."""
    for name in [name for name in os.environ if name.startswith("ONCELINK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(command_context, "configure", lambda form: None)
    before = {number: signal.getsignal(number) for number in command_context.ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def runner(settings: Settings) -> Run:
    """Runs commands by some settings; they may be given anew."""
    environment = {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": SECRET,
        "ONCELINK_BASE_URL": settings.base_url,
    }
    return lambda *words, **changed: CliRunner().invoke(
        main.app, [str(one) for one in words], env=environment | changed
    )


@pytest.fixture
def run(world: World) -> Run:
    """Runs a command on the world."""
    return runner(world.settings)


def said(result: Result) -> str:
    """What a command said on standard error, in one line."""
    return " ".join(result.stderr.split())


class TestCheckpoint:
    """`oncelink checkpoint`."""

    def test_prints_a_signed_note(self, run: Run, world: World) -> None:
        printed = run("checkpoint")
        assert printed.exit_code == 0
        [note] = notes(printed.stdout.encode())
        note.check([Signer.derived(f"testserver/{world.settings.db_schema}", SECRET).verifier])

    def test_prints_the_keys(self, run: Run) -> None:
        both = run("checkpoint", "--key", ONCELINK_SECRET_KEYS=f"{SECRET[::-1]},{SECRET}").stdout.split()
        assert len({Verifier.read(key).id for key in both}) == 2

    def test_adds_to_a_file(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        for count in (1, 2, 3):
            assert run("checkpoint", "-o", path, *(["--exact"] if count == 3 else [])).exit_code == 0
            assert len(notes(path.read_bytes())) == count
        assert list(tmp_path.iterdir()) == [path]
        assert run("verify", "--checkpoint", path).exit_code == 0

    def test_leaves_other_files_alone(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "diary"
        path.write_text("dear diary")
        refused = run("checkpoint", "-o", path)
        assert refused.exit_code == 2
        assert str(path) in refused.stderr.replace("\n", "")
        assert path.read_text() == "dear diary"
        assert run("checkpoint", "-o", tmp_path / "no" / "where").exit_code == 2


class TestVerify:
    """`oncelink verify`."""

    def test_a_healthy_log(self, run: Run) -> None:
        found = run("verify")
        assert found.exit_code == 0
        assert "no problems" in found.stdout
        told = json.loads(run("verify", "--json").stdout)
        assert told["ok"] is True
        assert told["problems"] == []
        assert set(told["read_models"].values()) == {0}

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "cannot be read"),
            ("", "is empty"),
            ("hello", "no signature"),
            (Signer.derived("elsewhere/oncelink", SECRET).note("elsewhere/oncelink\n0\nAAAA\n"), "foreign"),
        ],
    )
    def test_a_corrupt_or_foreign_checkpoint(
        self, run: Run, tmp_path: Path, content: str | None, sentence: str
    ) -> None:
        path = tmp_path / "kept"
        if content is not None:
            path.write_text(content, encoding="utf-8")
        found = run("verify", "--checkpoint", path)
        assert found.exit_code == 2
        assert sentence in said(found)
        assert "--checkpoint" in said(found)
        assert found.stdout == ""

    def test_a_damaged_checkpoint(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout.replace("positions 1-", "positions 2-"), encoding="utf-8")
        found = run("verify", "--checkpoint", path)
        assert found.exit_code == 2
        assert "changed or damaged" in said(found)

    def test_under_another_address(self, run: Run, world: World, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout, encoding="utf-8")
        moved = {"ONCELINK_BASE_URL": "https://new.example"}
        assert "foreign" in said(run("verify", "--checkpoint", path, **moved))
        origin = f"testserver/{world.settings.db_schema}"
        assert run("verify", "--checkpoint", path, "--origin", origin, **moved).exit_code == 0

    @pytest.fixture
    def retired(self, world: World) -> Iterator[None]:
        """The key was given up, which is taken back."""
        retire_key(world.settings)
        yield
        world.rows("UPDATE {schema}.secret_keys SET retired_at = NULL RETURNING fingerprint")

    @pytest.mark.usefixtures("retired")
    def test_after_the_secret_key_was_dropped(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "kept"
        path.write_text(run("checkpoint").stdout, encoding="utf-8")
        key = run("checkpoint", "--key").stdout.strip()
        rotated = {"ONCELINK_SECRET_KEYS": SECRET[::-1]}
        assert run("verify", "--checkpoint", path, **rotated).exit_code == 2
        assert run("verify", "--checkpoint", path, "--key", key, **rotated).exit_code == 0
        assert run("verify", "--checkpoint", path, "--key", "zqx", **rotated).exit_code == 2


class TestOffline:
    """`oncelink verify --export`: on a machine with neither database nor secrets."""

    @pytest.fixture
    def files(self, run: Run, world: World, tmp_path: Path) -> tuple[Path, Path, str]:
        """An export, a checkpoint, and the key that an auditor got with the first one."""
        export, kept = tmp_path / "events.jsonl", tmp_path / "kept"
        export.write_text("".join(json.dumps(row) + "\n" for row in world.rows(EXPORT)), encoding="utf-8")
        kept.write_text(run("checkpoint").stdout, encoding="utf-8")
        return export, kept, run("checkpoint", "--key").stdout.strip()

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> dict[str, str]:
        """The auditor's machine."""
        nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
        return {
            "ONCELINK_DATABASE_URL": nowhere,
            "ONCELINK_SECRET_KEYS": "",
            "ONCELINK_DATA_DIR": str(tmp_path / "none"),
        }

    def test_a_full_export(self, run: Run, files: tuple[Path, Path, str], elsewhere: dict[str, str]) -> None:
        export, kept, key = files
        found = run("verify", "--export", export, "--checkpoint", kept, "--key", key, **elsewhere)
        assert found.exit_code == 0, said(found)
        assert f"The root of these events is {kept.read_text(encoding='utf-8').splitlines()[2]}." in found.stdout
        assert not (kept.parent / "none").exists()

    def test_a_changed_export(self, run: Run, files: tuple[Path, Path, str], elsewhere: dict[str, str]) -> None:
        export, kept, key = files
        lines = export.read_text(encoding="utf-8").splitlines(keepends=True)
        export.write_text("".join([*lines[:19], *lines[20:]]), encoding="utf-8")
        found = run("verify", "--export", export, "--checkpoint", kept, "--key", key, "--json", **elsewhere)
        assert found.exit_code == 1
        told = json.loads(found.stdout)
        assert ("checkpoint", json.loads(lines[19])["position"]) in [
            (one["check"], one["position"]) for one in told["problems"]
        ]

    def test_an_empty_export(self, run: Run, tmp_path: Path, elsewhere: dict[str, str]) -> None:
        (tmp_path / "events.jsonl").write_text("")
        found = run("verify", "--export", tmp_path / "events.jsonl", **elsewhere)
        assert (found.exit_code, "it is empty" in found.stdout) == (1, True)
        assert run("verify", "--export", tmp_path / "events.jsonl", "--allow-empty", **elsewhere).exit_code == 0

    def test_without_a_key(self, run: Run, files: tuple[Path, Path, str], elsewhere: dict[str, str]) -> None:
        found = run("verify", "--export", files[0], "--checkpoint", files[1], **elsewhere)
        assert found.exit_code == 2
        assert "--key" in said(found)
        assert not (files[1].parent / "none").exists()

    def test_what_is_no_export(self, run: Run, files: tuple[Path, Path, str], elsewhere: dict[str, str]) -> None:
        found = run("verify", "--export", files[1], **elsewhere)
        assert found.exit_code == 2
        assert "Line 1 is not an event" in said(found)
        assert run("verify", "--export", "/nowhere", **elsewhere).exit_code == 2


def test_a_rewritten_history_is_named(house: House, settings: Settings, superuser_url: str, tmp_path: Path) -> None:
    """The whole way: kept by the auditor, rewritten by the superuser with every hash made anew, found by cron."""
    run, kept, database = runner(settings), tmp_path / "kept", house.oncelink.database
    link = house.link("Intro")
    listed(house, "/v1/links", "member")
    seal_all(database)
    assert run("checkpoint", "-o", kept).exit_code == 0
    with psycopg.connect(superuser_url) as connection:
        query = """UPDATE {schema}.events SET data = data || '{{"request_id": "x"}}'
            WHERE stream_id = %s RETURNING position"""
        at = connection.execute(database.text(query), (link["id"],)).fetchone()
        connection.execute(database.text("DELETE FROM {schema}.sealed_events"))
        connection.execute(database.text("DELETE FROM {schema}.sealed_nodes"))
        connection.execute(database.text("SELECT {schema}.seal(100000)"))
    assert run("verify").exit_code == 0
    found = run("verify", "--checkpoint", kept)
    assert found.exit_code == 1
    assert at is not None
    assert f"it first differs at position {at[0]} (the event was changed)" in found.stdout
