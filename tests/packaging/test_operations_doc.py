"""docs/operations.md: every setting and no other, passed on by Compose, and the very statements of docker/init.sql."""

import re
from pathlib import Path

import yaml

from api.settings import Settings
from tests.packaging.operations import list_setting_names

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
FOREIGN_NAMES = {"FORWARDED_ALLOW_IPS"}  # as other servers call them
ROW = re.compile(r"^\| `(ONCELINK_[A-Z_]+|FORWARDED_ALLOW_IPS)` \| (?:`([^`]*)`)? ?\| \S.*\|$", re.M)


def list_statements(sql: str) -> list[str]:
    """The lines of a script that are neither empty nor a comment."""
    return [line for line in sql.splitlines() if line.strip() and not line.startswith("--")]


def test_every_setting_has_a_row_and_nothing_else_is_named() -> None:
    assert {name for name, _ in ROW.findall(PAGE)} == list_setting_names(Settings)
    assert set(re.findall(r"ONCELINK_[A-Z_]+", PAGE)) == list_setting_names(Settings) - FOREIGN_NAMES


def test_the_defaults_are_those_of_the_code() -> None:
    defaults = {
        (field.alias or f"ONCELINK_{name}").upper(): str(field.default) for name, field in Settings.model_fields.items()
    }
    assert {name: value.lower() for name, value in ROW.findall(PAGE)} == {
        name: value.lower() for name, value in defaults.items()
    }


def test_compose_passes_every_setting_on() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    app, migrate = services["app"]["environment"], services["migrate"]["environment"]
    image = set(re.findall(r"ONCELINK_[A-Z_]+", (ROOT / "Dockerfile").read_text()))
    own_names = {name for name in app if name.startswith("ONCELINK_")} | (FOREIGN_NAMES & app.keys())
    assert own_names | image | {"ONCELINK_OWNER_DATABASE_URL"} == list_setting_names(Settings)
    assert own_names.isdisjoint(image)
    for name in own_names - {"ONCELINK_DATABASE_URL"}:
        assert app[name] is None or app[name].startswith(f"${{{name}:-"), name
    assert app["ONCELINK_SCHEMA"] is migrate["ONCELINK_SCHEMA"] is None


def test_the_statements_are_those_of_the_file() -> None:
    [block] = [part for part in re.findall(r"```sql\n(.*?)```", PAGE, re.S) if "\\getenv" in part]
    assert list_statements(block) == list_statements((ROOT / "docker" / "init.sql").read_text())


def test_every_command_that_it_names_exists() -> None:
    from api.cli.main import app

    documented_commands = set(re.findall(r"(?:^|`)oncelink ([a-z][a-z-]+)", PAGE, re.MULTILINE))
    assert len(documented_commands) > 10
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert documented_commands <= commands | {group.name for group in app.registered_groups}
