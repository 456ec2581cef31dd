"""Secret keys that do not fit the log's: every start refuses them, and an operator is never stuck."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api.app import build_app
from api.cli import command_context, main
from api.settings import Settings, WrongSetting
from api.startup import open_services
from store.credentials.key_fingerprints import KnownKeys, fingerprint
from store.database import Database
from tests.api_driver import ApiDriver
from tests.conftest import SECRET

NEW, OTHER = "new-" * 10, "other-" * 8
SECRET_PRINT, NEW_PRINT = fingerprint(SECRET), fingerprint(NEW)

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Run]:
    """Runs a command in this process, which it may not disturb, with the keys that are given."""
    for name in [name for name in os.environ if name.startswith("ONCELINK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(command_context, "configure_logging", lambda form: None)
    before = {number: signal.getsignal(number) for number in command_context.STOP_SIGNALS}
    given = {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
    }
    yield lambda keys, *arguments: CliRunner().invoke(main.app, arguments, env=given | {"ONCELINK_SECRET_KEYS": keys})
    for number, handler in before.items():
        signal.signal(number, handler)


def with_keys(settings: Settings, *keys: str, data_dir: Path | None = None) -> Settings:
    """The settings with other secret keys, on another machine."""
    changed: dict[str, Any] = {"secret_keys": ",".join(keys), "data_dir": data_dir or settings.data_dir}
    found = settings.model_copy(update=changed)
    found.__dict__.pop("keys", None)
    return found


def start(settings: Settings) -> None:
    """A start of the service, and its end."""
    with TestClient(build_app(settings)):
        pass


def known(settings: Settings) -> dict[str, bool]:
    """The fingerprints that the log has, and whether each is in force."""
    with Database(settings.database_url, settings.db_schema).connect() as connection:
        return {key.fingerprint: key.retired_at is None for key in KnownKeys(connection, settings.db_schema).all()}


def forget(settings: Settings, superuser_url: str) -> None:
    """Makes the log one that is from before there were fingerprints."""
    text = Database(settings.database_url, settings.db_schema).compose_query("DELETE FROM {schema}.secret_keys")
    with Database(superuser_url, settings.db_schema).connect() as connection:
        connection.execute(text)


def sentence(result: Result) -> str:
    """What a command said on standard error, in one line."""
    return " ".join(result.stderr.split())


class TestStart:
    """What a process that makes codes refuses, and what it notes."""

    def test_an_empty_log_gets_the_key_that_makes_codes(self, settings: Settings) -> None:
        start(with_keys(settings, NEW, OTHER))
        assert known(settings) == {NEW_PRINT: True}
        start(with_keys(settings, NEW))

    def test_a_generated_key_is_noted_and_found_again(self, settings: Settings) -> None:
        start(with_keys(settings))
        start(with_keys(settings))
        [generated] = (settings.data_dir / "secret_keys").read_text().split()
        assert known(settings) == {fingerprint(generated): True}

    @pytest.mark.usefixtures("organisation")
    def test_a_second_machine_without_the_key_is_refused_and_makes_none(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        second = tmp_path / "second"
        with pytest.raises(WrongSetting, match=f"the key {SECRET_PRINT} made codes in this log, and is not set, nor"):
            start(with_keys(settings, data_dir=second))
        assert not second.exists()
        assert known(settings) == {SECRET_PRINT: True}

    @pytest.mark.usefixtures("organisation")
    def test_another_key_is_refused_also_where_it_was_generated(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "second").mkdir()
        (tmp_path / "second" / "secret_keys").write_text(OTHER)
        for wrong in (with_keys(settings, OTHER), with_keys(settings, data_dir=tmp_path / "second")):
            with pytest.raises(WrongSetting, match=SECRET_PRINT):
                start(wrong)
        assert known(settings) == {SECRET_PRINT: True}

    @pytest.mark.usefixtures("organisation")
    def test_a_rotation_keeps_the_old_key(self, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
        start(with_keys(settings, SECRET, NEW))
        assert known(settings) == {SECRET_PRINT: True}, "a key that only stands by has made nothing"
        with caplog.at_level(logging.INFO, "oncelink"):
            start(with_keys(settings, NEW, SECRET))
        assert f"noted the fingerprint of its secret key: {NEW_PRINT}" in caplog.text
        assert known(settings) == {SECRET_PRINT: True, NEW_PRINT: True}
        start(with_keys(settings, SECRET, NEW))
        for lacking in (NEW, SECRET):
            with pytest.raises(WrongSetting, match=f"the key {fingerprint(SECRET if lacking == NEW else NEW)}"):
                start(with_keys(settings, lacking))

    @pytest.mark.usefixtures("live_database")
    def test_of_two_first_starts_with_two_keys_one_is_refused(self, settings: Settings, tmp_path: Path) -> None:
        refused: list[str] = []
        both = threading.Barrier(2)

        def begin(machine: str) -> None:
            both.wait()
            try:
                open_services(with_keys(settings, data_dir=tmp_path / machine)).close()
            except WrongSetting as error:
                refused.append(f"{machine}: {error}")

        machines = [threading.Thread(target=begin, args=(name,)) for name in ("first", "second")]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.join()
        assert (len(refused), len(known(settings))) == (1, 1)
        assert not (tmp_path / refused[0].split(":")[0] / "secret_keys").exists()


class TestUpgrade:
    """A log from before there were fingerprints."""

    def test_gets_those_of_all_keys_that_are_set(
        self, api: ApiDriver, settings: Settings, superuser_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.create_codes(api.create_link())
        forget(settings, superuser_url)
        with caplog.at_level(logging.INFO, "oncelink"):
            start(with_keys(settings, NEW, SECRET))
        assert known(settings) == {SECRET_PRINT: True, NEW_PRINT: True}
        assert all(one in caplog.text for one in (SECRET_PRINT, NEW_PRINT, "Later starts need it"))

    def test_gets_no_generated_key_once_it_has_codes(
        self, api: ApiDriver, settings: Settings, superuser_url: str, tmp_path: Path, run: Run
    ) -> None:
        api.create_codes(api.create_link())
        forget(settings, superuser_url)
        with pytest.raises(WrongSetting, match="a key made codes in this log, and none is set, nor is it in"):
            start(with_keys(settings, data_dir=tmp_path / "second"))
        assert run("", "sign-in", "admin@nexora.example").exit_code == 2
        assert not (tmp_path / "second").exists()
        start(with_keys(settings, NEW))  # the old one is lost, and its operator says so by setting another
        assert known(settings) == {NEW_PRINT: True}


@pytest.mark.usefixtures("organisation")
class TestCommands:
    """Commands need the keys of the log as the service does, and note none."""

    @pytest.mark.parametrize("keys", ["", OTHER])
    @pytest.mark.parametrize("line", ["serve", "follow", "verify", "checkpoint", "sign-in admin@nexora.example"])
    def test_refuse_keys_that_do_not_fit(self, run: Run, settings: Settings, line: str, keys: str) -> None:
        result = run(keys, *line.split())
        assert (result.exit_code, result.stdout) == (2, "")
        said = sentence(result)
        assert said.startswith(f"ONCELINK_SECRET_KEYS: the key {SECRET_PRINT} made codes in this log, and is not set")
        assert f"`oncelink keys retire {SECRET_PRINT}`" in said
        assert "answer 404" in said
        assert list(settings.data_dir.iterdir()) == []

    def test_doctor_says_what_to_do(self, run: Run, settings: Settings) -> None:
        checks = {check["name"]: check for check in json.loads(run("", "doctor", "--json").stdout)}
        assert not checks["secret keys"]["ok"]
        assert SECRET_PRINT in checks["secret keys"]["finding"]
        assert list(settings.data_dir.iterdir()) == []
        assert run(SECRET, "doctor").exit_code == 0

    def test_one_that_makes_no_codes_notes_no_key(
        self, run: Run, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert run(f"{NEW},{SECRET}", "checkpoint", "--key").exit_code == 0
        assert f"The first secret key, {NEW_PRINT}, has made no codes in this log yet" in caplog.text
        assert known(settings) == {SECRET_PRINT: True}

    def test_say_no_key(self, run: Run, settings: Settings) -> None:
        said = [run(keys, *line.split()) for keys in (OTHER, SECRET) for line in ("keys list", "verify", "doctor")]
        text = "".join(result.output for result in said)
        assert SECRET_PRINT in text
        assert not any(key in text for key in (OTHER, SECRET))


class TestGivingUp:
    """`oncelink keys list` and `oncelink keys retire`."""

    def test_says_what_it_costs_and_lets_the_service_start_without(
        self, run: Run, api: ApiDriver, settings: Settings
    ) -> None:
        link = api.create_link()
        unused, _, used, _ = api.create_codes(link, 4)
        api.book_meeting(used, api.list_slots(used)[0])
        start(with_keys(settings, NEW, SECRET))
        api.create_codes(link)
        listed = json.loads(run(NEW, "keys", "list", "--json").stdout)
        assert [(one["fingerprint"], one["state"]) for one in listed] == [
            (SECRET_PRINT, "missing"),
            (NEW_PRINT, "first"),
        ]
        assert [(one["single_use_links"], one["meetings"]) for one in listed] == [(3, 1), (1, 0)]
        shown = run(NEW, "keys", "retire", SECRET_PRINT)
        assert (shown.exit_code, known(settings)[SECRET_PRINT]) == (1, True)
        assert "at most 3 unused single-use links, 1 meetings to come and 0 calendar addresses" in shown.stdout
        assert run(NEW, "keys", "retire", SECRET_PRINT, "--yes").exit_code == 0
        assert known(settings) == {SECRET_PRINT: False, NEW_PRINT: True}
        with TestClient(build_app(with_keys(settings, NEW))) as client:
            assert client.get(f"/v1/book/{unused}").status_code == 404

    def test_a_lost_key_can_be_given_up_with_none_at_hand(
        self, run: Run, organisation: ApiDriver, settings: Settings, tmp_path: Path
    ) -> None:
        assert run("", "keys", "retire", SECRET_PRINT, "--yes").exit_code == 0
        assert list(settings.data_dir.iterdir()) == []
        start(with_keys(settings))
        [generated] = (settings.data_dir / "secret_keys").read_text().split()
        assert known(settings) == {SECRET_PRINT: False, fingerprint(generated): True}

    def test_a_key_that_makes_codes_is_not_given_up(
        self, run: Run, organisation: ApiDriver, settings: Settings
    ) -> None:
        result = run(SECRET, "keys", "retire", SECRET_PRINT, "--yes")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "put another one before it" in sentence(result)
        assert run(SECRET, "keys", "retire", NEW_PRINT, "--yes").exit_code == 2
        assert known(settings) == {SECRET_PRINT: True}

    def test_a_key_that_was_given_up_and_makes_codes_again_is_in_force(
        self, run: Run, organisation: ApiDriver, settings: Settings
    ) -> None:
        run(NEW, "keys", "retire", SECRET_PRINT, "--yes")
        start(with_keys(settings, NEW))
        start(with_keys(settings, SECRET, NEW))
        assert known(settings) == {SECRET_PRINT: True, NEW_PRINT: True}
