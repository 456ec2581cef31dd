"""The command line: what each command does, its exit code, and the sentence when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
import typer
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api.app import build_app
from api.cli import main
from api.demo import demo
from api.server import DATABASE, OWNER_ROLE, prepare_database
from api.settings import Settings
from store.embedded.server import Server, run_server
from store.schema import SERVICE_ROLE
from tests import cli_driver
from tests.cli_driver import build_environment, isolate_process, read_error
from tests.waiting import find_free_port, wait_until

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 60.0
JULIO = "julio@nexora.example"
MAY_CREATE = {("demo",), ("serve",), ("migrate",)}
NEED_NO_DATABASE = {("extension", "build")}
# values of required arguments and options, by name
REQUIRED_WORDS = {
    "email": JULIO,
    "role": "member",
    "id": "0ab65a9f-06b6-5a8c-8c2c-f9990ff96c58",
    "instant": "2026-11-01T09:00:00Z",
    "read_model": "links",
    "what": "events",
    "fingerprint": "0123456789abcdef",
}

CommandRunner = Callable[..., Result]


@pytest.fixture(autouse=True)
def process_isolation() -> Iterator[None]:
    """Restores what a command changes in this process, and hides its settings from child processes."""
    with isolate_process():
        yield


@pytest.fixture
def run_command(settings: Settings) -> CommandRunner:
    """Runs a command in this process. Settings can be overridden."""

    def run_cli(*arguments: str, **settings_overrides: str) -> Result:
        return cli_driver.run_command(build_environment(settings) | settings_overrides, *arguments)

    return run_cli


def start_process(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """Start a command as a process."""
    line = [sys.executable, "-c", "from api.cli.main import app; app()", *arguments]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(line, env=os.environ | {"PYTHONPATH": str(ROOT)} | settings, **pipes)  # type: ignore[call-overload, no-any-return]


def stop_process(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> int:
    """Stop a process and return its exit code."""
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode


class TestPersonAdd:
    def test_adds_a_person(self, run_command: CommandRunner) -> None:
        result = run_command("person", "add", JULIO, "--role", "member", "--role", "auditor", "--json")
        assert (result.exit_code, json.loads(result.stdout)["email"]) == (0, JULIO)

    @pytest.mark.parametrize(
        ("machine", "options", "zone"),
        [
            ("Asia/Kolkata", (), "Asia/Kolkata"),
            ("Asia/Kolkata", ("--time-zone", "Europe/Lisbon"), "Europe/Lisbon"),
            ("Mars/Base", (), "UTC"),
        ],
    )
    def test_the_machine_says_the_zone_that_is_not_given(
        self, run_command: CommandRunner, machine: str, options: tuple[str, ...], zone: str
    ) -> None:
        result = run_command("person", "add", JULIO, "--role", "member", "--json", *options, TZ=machine)
        assert json.loads(result.stdout)["time_zone"] == zone

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((JULIO, "--role", "king"), "role: There is no role king; the roles are member,"),
            (("julio", "--role", "member"), "email: "),
            ((JULIO, "--role", "member", "--time-zone", "Mars/Base"), "time_zone: "),
            ((JULIO, "--role", "member", "--name", "a\nb"), "name: "),
        ],
    )
    def test_names_the_option_that_is_wrong(
        self, run_command: CommandRunner, arguments: tuple[str, ...], message: str
    ) -> None:
        result = run_command("person", "add", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert read_error(result).startswith(message)

    def test_refuses_an_address_that_is_taken_whatever_its_case(self, run_command: CommandRunner) -> None:
        assert run_command("person", "add", JULIO, "--role", "member").exit_code == 0
        result = run_command("person", "add", JULIO.upper(), "--role", "member")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "e-mail address" in read_error(result)


class TestKeysAndSignIn:
    def test_a_key_works_over_http_and_is_shown_once(self, run_command: CommandRunner, settings: Settings) -> None:
        run_command("person", "add", JULIO, "--role", "member")
        key = run_command("api-key", JULIO, "--name", "Laptop").stdout.strip()
        other_key = json.loads(run_command("api-key", JULIO, "--json").stdout)["api_key"]
        assert key.startswith("olk_")
        assert key != other_key
        with TestClient(build_app(settings)) as client:
            headers = {"Authorization": f"Bearer {key}"}
            assert client.get("/v1/me", headers=headers).json()["email"] == JULIO
            response = client.get("/v1/api-keys", headers=headers)
            assert [item["name"] for item in response.json()["items"]] == ["Laptop", "Command line"]
            assert key not in response.text

    def test_a_sign_in_url_is_new_each_time(self, run_command: CommandRunner, settings: Settings) -> None:
        run_command("person", "add", JULIO, "--role", "member")
        urls = {
            run_command("sign-in", JULIO).stdout.strip(),
            json.loads(run_command("sign-in", JULIO, "--json").stdout)["sign_in_url"],
        }
        assert len(urls) == 2
        assert all(url.startswith(f"{settings.base_url}/sign-in/") for url in urls)

    @pytest.mark.parametrize("command", ["api-key", "sign-in"])
    def test_nobody_has_neither(self, run_command: CommandRunner, command: str) -> None:
        result = run_command(command, "nobody@nexora.example")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Nobody has this e-mail address" in read_error(result)


@pytest.fixture
def unsafe_url(server: Server, schema: str, superuser_url: str) -> Iterator[str]:
    """A URL for a role whose commits are not durable."""
    role = f"careless_{uuid4().hex[:8]}"
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN IN ROLE {SERVICE_ROLE}")
        connection.execute(f"ALTER ROLE {role} SET synchronous_commit = off")
        yield server.build_url(role, DATABASE)
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def list_findings(result: Result) -> dict[str, str]:
    """Return the problems that doctor reports, by check name."""
    return {check["name"]: check["finding"] for check in json.loads(result.stdout) if not check["ok"]}


class TestDoctor:
    def test_is_content_with_a_good_database(self, run_command: CommandRunner) -> None:
        result = run_command("doctor", "--json")
        assert (list_findings(result), result.exit_code) == ({}, 0)
        names = {check["name"] for check in json.loads(result.stdout)}
        assert names == {
            "time zones",
            "secrets",
            "mail",
            "unsent mail",
            "durability",
            "clock",
            "schema",
            "restore",
            "secret keys",
            "roles",
            "follower",
        }
        assert run_command("doctor").exit_code == 0

    def test_names_commits_that_are_not_durable(self, run_command: CommandRunner, unsafe_url: str) -> None:
        result = run_command("doctor", "--json", ONCELINK_DATABASE_URL=unsafe_url)
        assert result.exit_code == 1
        assert list_findings(result).keys() == {"durability"}
        assert "synchronous_commit is off" in list_findings(result)["durability"]

    def test_names_a_role_that_may_change_the_log(self, run_command: CommandRunner, superuser_url: str) -> None:
        result = run_command("doctor", "--json", ONCELINK_DATABASE_URL=superuser_url)
        assert result.exit_code == 1
        assert list_findings(result).keys() == {"roles"}
        assert "INSERT, UPDATE, DELETE, TRUNCATE" in list_findings(result)["roles"]

    def test_names_a_schema_that_is_missing(self, run_command: CommandRunner) -> None:
        result = run_command("doctor", "--json", ONCELINK_SCHEMA="nowhere")
        assert result.exit_code == 1
        assert "oncelink migrate" in list_findings(result)["schema"]

    def test_names_keys_that_others_can_read(self, run_command: CommandRunner, tmp_path: Path) -> None:
        (tmp_path / "secret_keys").write_text("k" * 40)
        (tmp_path / "secret_keys").chmod(0o644)
        result = run_command("doctor", "--json", ONCELINK_SECRET_KEYS="")
        assert "chmod 600" in list_findings(result)["secrets"]


class TestServe:
    def test_refuses_a_role_that_may_change_the_log(self, run_command: CommandRunner, superuser_url: str) -> None:
        result = run_command("serve", ONCELINK_DATABASE_URL=superuser_url)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "on the log: use a role of its own" in read_error(result)

    def test_says_that_a_port_is_in_use(self, run_command: CommandRunner) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            result = run_command("serve", "--port", str(port))
        assert (result.exit_code, result.stdout) == (1, "")
        assert read_error(result).startswith(f"Port {port} cannot be used (Address already in use)")

    def test_refuses_a_database_that_may_lose_bookings_unless_told(
        self, run_command: CommandRunner, settings: Settings, tmp_path: Path
    ) -> None:
        with run_server(tmp_path / "unsafe", settings={"fsync": "off"}) as server:
            prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), settings.db_schema)
            url = server.build_url(SERVICE_ROLE, DATABASE)
            assert (
                "fsync is off"
                in list_findings(run_command("doctor", "--json", ONCELINK_DATABASE_URL=url))["durability"]
            )
            result = run_command("serve", ONCELINK_DATABASE_URL=url)
            assert (result.exit_code, read_error(result).startswith("fsync is off")) == (1, True)
            port = find_free_port()
            serving = start_process(
                "serve", "--unsafe", "--port", str(port), **build_environment(settings) | {"ONCELINK_DATABASE_URL": url}
            )
            wait_until(lambda: is_answering(port) or serving.poll() is not None)
            assert is_answering(port)
            assert stop_process(serving) == 0


def is_answering(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=TIMEOUT_SECONDS).status_code == 200
    except httpx2.TransportError:
        return False


class TestDemo:
    def test_throws_away_no_database_of_somebody_else(
        self, run_command: CommandRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo, "configure_logging", lambda *form: None)
        result = run_command("demo", "--fresh", "--port", "0")
        assert (result.exit_code, result.stdout) == (2, "")
        assert read_error(result).startswith("ONCELINK_DATABASE_URL")

    def test_adds_no_sample_to_an_organisation(
        self, run_command: CommandRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo, "configure_logging", lambda *form: None)
        run_command("person", "add", "ada@example.com", "--role", "admin")
        result = run_command("demo", "--port", "0")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "holds an organisation already" in read_error(result)


class TestMigrate:
    def test_makes_the_schema_once(self, run_command: CommandRunner, server: Server) -> None:
        name = f"t{uuid4().hex[:12]}"
        environment_overrides = {
            "ONCELINK_OWNER_DATABASE_URL": server.build_url(OWNER_ROLE, DATABASE),
            "ONCELINK_SCHEMA": name,
        }
        first, second = (run_command("migrate", "--json", **environment_overrides) for _ in range(2))
        assert (first.exit_code, second.exit_code) == (0, 0)
        assert json.loads(first.stdout)["migrations"][0] == "0001_log.sql"
        assert json.loads(second.stdout) == {"schema": name, "migrations": []}
        assert run_command("person", "add", JULIO, "--role", "admin", ONCELINK_SCHEMA=name).exit_code == 0
        with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {name}, {name}_reporting CASCADE")

    def test_asks_for_the_owners_role(self, run_command: CommandRunner) -> None:
        result = run_command("migrate")
        assert result.exit_code == 2
        assert read_error(result).startswith("ONCELINK_OWNER_DATABASE_URL")


class TestFollow:
    def test_follows_until_it_is_told_to_stop(
        self, settings: Settings, run_command: CommandRunner, superuser_url: str
    ) -> None:
        run_command("person", "add", JULIO, "--role", "member")
        follower = start_process("follow", **build_environment(settings))

        def has_caught_up() -> bool:
            query = f"SELECT (SELECT position FROM {settings.db_schema}.follower) >= max(position) AS ok"
            with psycopg.connect(superuser_url) as connection:
                row = connection.execute(f"{query} FROM {settings.db_schema}.events").fetchone()
            return bool(row and row[0])

        wait_until(lambda: has_caught_up() or follower.poll() is not None)
        assert follower.poll() is None
        assert stop_process(follower) == 0


class TestEveryCommand:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("POOL_SIZE", "lots"),
            ("SCHEMA", "Bad Name"),
            ("BASE_URL", "ftp://files.example"),
            ("LOG_FORMAT", "xml"),
            ("SECRET_KEYS", "short"),
            ("GUEST_RATE_LIMIT", "-1"),
        ],
    )
    @pytest.mark.parametrize("command", [("doctor",), ("serve",), ("sign-in", JULIO)])
    def test_stops_at_a_wrong_setting_and_names_it(
        self, run_command: CommandRunner, command: tuple[str, ...], name: str, value: str
    ) -> None:
        result = run_command(*command, **{f"ONCELINK_{name}": value})
        assert (result.exit_code, result.stdout) == (2, "")
        assert read_error(result).startswith(f"ONCELINK_{name}: ")
        assert "Traceback" not in result.output

    @pytest.mark.parametrize("value", ["the proxy", "10.0.0.1/8", "*.example.com"])
    def test_names_a_setting_without_our_prefix_too(self, run_command: CommandRunner, value: str) -> None:
        result = run_command("serve", FORWARDED_ALLOW_IPS=value)
        assert (result.exit_code, result.stdout) == (2, "")
        assert read_error(result).startswith("FORWARDED_ALLOW_IPS: each must be an address")

    def test_says_which_schema_it_misses(self, run_command: CommandRunner) -> None:
        result = run_command("sign-in", JULIO, ONCELINK_SCHEMA="nowhere")
        assert result.exit_code == 1
        assert "run `oncelink migrate`" in read_error(result)

    def test_says_that_the_database_is_away(self, run_command: CommandRunner, tmp_path: Path) -> None:
        result = run_command("migrate", ONCELINK_OWNER_DATABASE_URL=f"postgresql://nobody@/none?host={tmp_path}")
        assert result.exit_code == 1
        assert str(tmp_path) in "".join(result.stderr.split())

    def test_helps(self) -> None:
        for path, _ in iterate_commands(typer.main.get_command(main.app)):
            result = CliRunner().invoke(main.app, [*path, "--help"])
            assert result.exit_code == 0
            assert "Usage" in result.stdout

    def test_says_its_version(self) -> None:
        result = CliRunner().invoke(main.app, ["--version"])
        assert (result.exit_code, result.stdout) == (0, f"oncelink {version('oncelink')}\n")

    def test_is_unknown_when_it_is_not_there(self) -> None:
        assert CliRunner().invoke(main.app, ["unlink"]).exit_code == 2


def iterate_commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over the names of all commands, groups included."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from iterate_commands(inner, *path, name)


def list_command_lines() -> dict[tuple[str, ...], list[str]]:
    """List the command line of each command that is no group, with its required words."""
    commands = iterate_commands(typer.main.get_command(main.app))
    return {
        path: [*path, *iterate_required_words(command)]
        for path, command in commands
        if not hasattr(command, "commands")
    }


def iterate_required_words(command: Any) -> Iterator[str]:
    """Iterate over the arguments and options that a command requires."""
    for param in command.params:
        if param.required and param.param_type_name == "option":
            yield param.opts[0]
        if param.required:
            yield REQUIRED_WORDS[param.name]


class TestWithoutADatabase:
    """Only demo, serve and migrate make one: any other command would look into an empty one and find all well."""

    @pytest.fixture(autouse=True)
    def empty(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def run_cli(self, *arguments: str, **environment: str) -> Result:
        return cli_driver.run_command(environment, *arguments)

    def test_there_are_commands(self) -> None:
        assert list_command_lines().keys() > MAY_CREATE | NEED_NO_DATABASE
        assert len(list_command_lines()) > 15

    @pytest.mark.parametrize(
        "line", [line for path, line in list_command_lines().items() if path not in MAY_CREATE], ids=" ".join
    )
    def test_creates_neither_a_database_nor_any_file(self, line: list[str], tmp_path: Path) -> None:
        result = self.run_cli(*line)
        if tuple(line) in NEED_NO_DATABASE:
            assert result.exit_code == 0
            assert [path.suffix for path in tmp_path.rglob("*")] == [".zip"]
            return
        assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (2, "", [])
        assert read_error(result).startswith("ONCELINK_DATABASE_URL: it is empty, and there is no embedded database in")
        assert f"{tmp_path}/.oncelink" in "".join(result.stderr.split())

    def test_a_file_where_the_folder_should_be_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / ".oncelink").write_text("")
        assert self.run_cli("verify").exit_code == 2

    def test_migrate_makes_the_embedded_one_for_the_others(self, tmp_path: Path) -> None:
        assert self.run_cli("migrate").exit_code == 0
        assert (tmp_path / ".oncelink" / "postgres").is_dir()
        empty = self.run_cli("verify", "--json")
        assert (empty.exit_code, json.loads(empty.stdout)["ok"]) == (1, False)
        assert "it is empty" in self.run_cli("verify").stdout
        assert self.run_cli("verify", "--allow-empty").exit_code == 0
        assert self.run_cli("person", "add", JULIO, "--role", "admin").exit_code == 0
        unfollowed = self.run_cli("verify", "--allow-empty")
        assert (unfollowed.exit_code, "nobody has followed it yet" in unfollowed.stdout) == (1, True)
        for words in ("verify", "doctor"):
            other = self.run_cli(words, ONCELINK_SCHEMA="mistyped")
            assert (other.exit_code, read_error(other).startswith("ONCELINK_SCHEMA: the embedded database in")) == (
                2,
                True,
            )

    def test_serve_makes_the_embedded_one(self, tmp_path: Path) -> None:
        port = find_free_port()
        serving = start_process("serve", "--port", str(port))
        wait_until(lambda: is_answering(port) or serving.poll() is not None)
        assert is_answering(port)
        assert stop_process(serving) == 0
        assert {"postgres", "secret_keys"} <= {path.name for path in (tmp_path / ".oncelink").iterdir()}

    @pytest.mark.parametrize("command", ["serve", "verify"])
    def test_an_owner_without_a_service_is_a_mistake(self, command: str, tmp_path: Path) -> None:
        result = self.run_cli(command, ONCELINK_OWNER_DATABASE_URL="postgresql://owner@127.0.0.1:1/oncelink")
        assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
        assert read_error(result).startswith(
            "ONCELINK_DATABASE_URL: it is empty, but ONCELINK_OWNER_DATABASE_URL is set"
        )


def test_a_command_that_serves_nothing_does_not_wait_for_the_service_to_be_imported() -> None:
    heavy = "{'fastapi', 'uvicorn', 'jinja2', 'icalendar', 'prometheus_client', 'duckdb'}"
    script = f"import sys, api.cli.main; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True).strip() == "[]"
