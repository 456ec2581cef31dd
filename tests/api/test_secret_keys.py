"""Secret keys that do not fit the log's: every start refuses them, and an operator is never stuck."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import Result

from api.app import build_app
from api.settings import Settings, WrongSetting
from api.startup import open_services
from store.credentials.key_fingerprints import RecordedKeys, compute_fingerprint
from store.database import Database
from tests.api_driver import ApiDriver
from tests.cli_driver import build_environment, read_error, run_command
from tests.conftest import SECRET

NEW, OTHER = "new-" * 10, "other-" * 8
SECRET_FINGERPRINT, NEW_FINGERPRINT = compute_fingerprint(SECRET), compute_fingerprint(NEW)

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command in this process with the given keys."""
    environment = build_environment(settings)
    return lambda keys, *arguments: run_command(environment | {"ONCELINK_SECRET_KEYS": keys}, *arguments)


def replace_keys(settings: Settings, *keys: str, data_dir: Path | None = None) -> Settings:
    """Return the settings with other secret keys, as on another machine."""
    changed: dict[str, Any] = {"secret_keys": ",".join(keys), "data_dir": data_dir or settings.data_dir}
    copy = settings.model_copy(update=changed)
    copy.__dict__.pop("keys", None)
    return copy


def start_once(settings: Settings) -> None:
    """Start the service and stop it."""
    with TestClient(build_app(settings)):
        pass


def list_recorded_keys(settings: Settings) -> dict[str, bool]:
    """Return the recorded fingerprints, and whether each is in force."""
    with Database(settings.database_url, settings.db_schema).connect() as connection:
        return {
            key.fingerprint: key.retired_at is None for key in RecordedKeys(connection, settings.db_schema).list_keys()
        }


def forget_fingerprints(settings: Settings, superuser_url: str) -> None:
    """Make the log one from before there were fingerprints."""
    text = Database(settings.database_url, settings.db_schema).compose_query("DELETE FROM {schema}.secret_keys")
    with Database(superuser_url, settings.db_schema).connect() as connection:
        connection.execute(text)


class TestStart:
    """What a process that makes codes refuses, and what it notes."""

    def test_an_empty_log_gets_the_key_that_makes_codes(self, settings: Settings) -> None:
        start_once(replace_keys(settings, NEW, OTHER))
        assert list_recorded_keys(settings) == {NEW_FINGERPRINT: True}
        start_once(replace_keys(settings, NEW))

    def test_a_generated_key_is_noted_and_found_again(self, settings: Settings) -> None:
        start_once(replace_keys(settings))
        start_once(replace_keys(settings))
        [generated] = (settings.data_dir / "secret_keys").read_text().split()
        assert list_recorded_keys(settings) == {compute_fingerprint(generated): True}

    @pytest.mark.usefixtures("organisation")
    def test_a_second_machine_without_the_key_is_refused_and_makes_none(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        second = tmp_path / "second"
        with pytest.raises(
            WrongSetting, match=f"the key {SECRET_FINGERPRINT} made codes in this log, and is not set, nor"
        ):
            start_once(replace_keys(settings, data_dir=second))
        assert not second.exists()
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True}

    @pytest.mark.usefixtures("organisation")
    def test_another_key_is_refused_also_where_it_was_generated(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "second").mkdir()
        (tmp_path / "second" / "secret_keys").write_text(OTHER)
        for wrong in (replace_keys(settings, OTHER), replace_keys(settings, data_dir=tmp_path / "second")):
            with pytest.raises(WrongSetting, match=SECRET_FINGERPRINT):
                start_once(wrong)
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True}

    @pytest.mark.usefixtures("organisation")
    def test_a_rotation_keeps_the_old_key(self, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
        start_once(replace_keys(settings, SECRET, NEW))
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True}, "a key that only stands by has made nothing"
        with caplog.at_level(logging.INFO, "oncelink"):
            start_once(replace_keys(settings, NEW, SECRET))
        assert f"noted the fingerprint of its secret key: {NEW_FINGERPRINT}" in caplog.text
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True, NEW_FINGERPRINT: True}
        start_once(replace_keys(settings, SECRET, NEW))
        for lacking in (NEW, SECRET):
            with pytest.raises(WrongSetting, match=f"the key {compute_fingerprint(SECRET if lacking == NEW else NEW)}"):
                start_once(replace_keys(settings, lacking))

    @pytest.mark.usefixtures("live_database")
    def test_of_two_first_starts_with_two_keys_one_is_refused(self, settings: Settings, tmp_path: Path) -> None:
        refused: list[str] = []
        both = threading.Barrier(2)

        def begin(machine: str) -> None:
            both.wait()
            try:
                open_services(replace_keys(settings, data_dir=tmp_path / machine)).close()
            except WrongSetting as error:
                refused.append(f"{machine}: {error}")

        machines = [threading.Thread(target=begin, args=(name,)) for name in ("first", "second")]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.join()
        assert (len(refused), len(list_recorded_keys(settings))) == (1, 1)
        assert not (tmp_path / refused[0].split(":")[0] / "secret_keys").exists()


class TestUpgrade:
    """A log from before there were fingerprints."""

    def test_gets_those_of_all_keys_that_are_set(
        self, api: ApiDriver, settings: Settings, superuser_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.create_codes(api.create_link())
        forget_fingerprints(settings, superuser_url)
        with caplog.at_level(logging.INFO, "oncelink"):
            start_once(replace_keys(settings, NEW, SECRET))
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True, NEW_FINGERPRINT: True}
        assert all(one in caplog.text for one in (SECRET_FINGERPRINT, NEW_FINGERPRINT, "Later starts need it"))

    def test_gets_no_generated_key_once_it_has_codes(
        self, api: ApiDriver, settings: Settings, superuser_url: str, tmp_path: Path, run: Run
    ) -> None:
        api.create_codes(api.create_link())
        forget_fingerprints(settings, superuser_url)
        with pytest.raises(WrongSetting, match="a key made codes in this log, and none is set, nor is it in"):
            start_once(replace_keys(settings, data_dir=tmp_path / "second"))
        assert run("", "sign-in", "admin@nexora.example").exit_code == 2
        assert not (tmp_path / "second").exists()
        start_once(replace_keys(settings, NEW))  # the old one is lost, and its operator says so by setting another
        assert list_recorded_keys(settings) == {NEW_FINGERPRINT: True}


@pytest.mark.usefixtures("organisation")
class TestCommands:
    """Commands need the keys of the log as the service does, and note none."""

    @pytest.mark.parametrize("keys", ["", OTHER])
    @pytest.mark.parametrize("line", ["serve", "follow", "verify", "checkpoint", "sign-in admin@nexora.example"])
    def test_refuse_keys_that_do_not_fit(self, run: Run, settings: Settings, line: str, keys: str) -> None:
        result = run(keys, *line.split())
        assert (result.exit_code, result.stdout) == (2, "")
        message = read_error(result)
        assert message.startswith(
            f"ONCELINK_SECRET_KEYS: the key {SECRET_FINGERPRINT} made codes in this log, and is not set"
        )
        assert f"`oncelink keys retire {SECRET_FINGERPRINT}`" in message
        assert "answer 404" in message
        assert list(settings.data_dir.iterdir()) == []

    def test_doctor_says_what_to_do(self, run: Run, settings: Settings) -> None:
        checks = {check["name"]: check for check in json.loads(run("", "doctor", "--json").stdout)}
        assert not checks["secret keys"]["ok"]
        assert SECRET_FINGERPRINT in checks["secret keys"]["finding"]
        assert list(settings.data_dir.iterdir()) == []
        result = run(SECRET, "doctor")
        assert result.exit_code == 0, result.output

    def test_one_that_makes_no_codes_notes_no_key(
        self, run: Run, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert run(f"{NEW},{SECRET}", "checkpoint", "--key").exit_code == 0
        assert f"The first secret key, {NEW_FINGERPRINT}, has made no codes in this log yet" in caplog.text
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True}

    def test_say_no_key(self, run: Run, settings: Settings) -> None:
        results = [run(keys, *line.split()) for keys in (OTHER, SECRET) for line in ("keys list", "verify", "doctor")]
        text = "".join(result.output for result in results)
        assert SECRET_FINGERPRINT in text
        assert not any(key in text for key in (OTHER, SECRET))


class TestGivingUp:
    """`oncelink keys list` and `oncelink keys retire`."""

    def test_says_what_it_costs_and_lets_the_service_start_without(
        self, run: Run, api: ApiDriver, settings: Settings
    ) -> None:
        link = api.create_link()
        unused, _, used, _ = api.create_codes(link, 4)
        api.book_meeting(used, api.list_slots(used)[0])
        start_once(replace_keys(settings, NEW, SECRET))
        api.create_codes(link)
        listed = json.loads(run(NEW, "keys", "list", "--json").stdout)
        assert [(one["fingerprint"], one["state"]) for one in listed] == [
            (SECRET_FINGERPRINT, "missing"),
            (NEW_FINGERPRINT, "first"),
        ]
        assert [(one["single_use_links"], one["meetings"]) for one in listed] == [(3, 1), (1, 0)]
        result = run(NEW, "keys", "retire", SECRET_FINGERPRINT)
        assert (result.exit_code, list_recorded_keys(settings)[SECRET_FINGERPRINT]) == (1, True)
        assert "at most 3 unused single-use links, 1 meetings to come and 0 calendar addresses" in result.stdout
        assert run(NEW, "keys", "retire", SECRET_FINGERPRINT, "--yes").exit_code == 0
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: False, NEW_FINGERPRINT: True}
        with TestClient(build_app(replace_keys(settings, NEW))) as client:
            assert client.get(f"/v1/book/{unused}").status_code == 404

    def test_a_lost_key_can_be_given_up_with_none_at_hand(
        self, run: Run, organisation: ApiDriver, settings: Settings, tmp_path: Path
    ) -> None:
        assert run("", "keys", "retire", SECRET_FINGERPRINT, "--yes").exit_code == 0
        assert list(settings.data_dir.iterdir()) == []
        start_once(replace_keys(settings))
        [generated] = (settings.data_dir / "secret_keys").read_text().split()
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: False, compute_fingerprint(generated): True}

    def test_a_key_that_makes_codes_is_not_given_up(
        self, run: Run, organisation: ApiDriver, settings: Settings
    ) -> None:
        result = run(SECRET, "keys", "retire", SECRET_FINGERPRINT, "--yes")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "put another one before it" in read_error(result)
        assert run(SECRET, "keys", "retire", NEW_FINGERPRINT, "--yes").exit_code == 2
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True}

    def test_a_key_that_was_given_up_and_makes_codes_again_is_in_force(
        self, run: Run, organisation: ApiDriver, settings: Settings
    ) -> None:
        run(NEW, "keys", "retire", SECRET_FINGERPRINT, "--yes")
        start_once(replace_keys(settings, NEW))
        start_once(replace_keys(settings, SECRET, NEW))
        assert list_recorded_keys(settings) == {SECRET_FINGERPRINT: True, NEW_FINGERPRINT: True}
