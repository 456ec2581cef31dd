"""docker-compose.yml, Dockerfile and docker/: consistent with each other; what they do is in test_plain_postgres.py."""

import json
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from api.settings import Settings
from tests.packaging.operations import list_setting_names

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def has_docker_compose() -> bool:
    """Whether Docker Compose 2 is here; reading a file needs no daemon."""
    command = ["docker", "compose", "version"]
    return bool(shutil.which("docker")) and subprocess.run(command, capture_output=True, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, as YAML reads it."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_is_what_the_compose_specification_says(compose: dict[str, Any]) -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(compose)] == []
    assert list(validator.iter_errors({**compose, "service": {}}))


@pytest.mark.skipif(not has_docker_compose(), reason="needs Docker Compose 2; no daemon")
def test_docker_compose_reads_it() -> None:
    command = ["docker", "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--format", "json"]
    environment = os.environ | {"ONCELINK_BASE_URL": "https://meet.example.com"}
    services = json.loads(subprocess.check_output(command, env=environment, timeout=60))["services"]
    assert services["app"]["environment"]["ONCELINK_BASE_URL"] == "https://meet.example.com"
    assert services["app"]["ports"][0]["host_ip"] == "127.0.0.1"


def test_the_app_waits_for_a_migrated_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["app"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "healthcheck" in services["database"]
    assert services["migrate"]["command"] == ["migrate"]
    assert "/readyz" in DOCKERFILE


def test_every_container_is_hardened(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "/tmp" in service["tmpfs"]
        assert "privileged" not in service
    assert [name for name, service in compose["services"].items() if "cap_add" in service] == ["database"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_the_database_starts_with_no_more_capabilities_than_it_gets(compose: dict[str, Any], tmp_path: Path) -> None:
    capabilities = ",".join(f"+{name.lower()}" for name in compose["services"]["database"]["cap_add"])
    entrypoint = tmp_path / "bin" / "docker-entrypoint.sh"
    entrypoint.parent.mkdir()
    become_somebody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups id -u"
    entrypoint.write_text(
        f'#!/bin/sh\nset -eu\ngrep NoNewPrivs /proc/self/status\nchown 65534 "$0"\n{become_somebody}\n'
    )
    entrypoint.chmod(0o755)
    environment = {"PATH": f"{entrypoint.parent}:{os.environ['PATH']}", "SECRETS": str(tmp_path / "secrets")}
    command = ["setpriv", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all", "--no-new-privs"]
    for _ in range(2):  # the second start finds what another user owns
        output = subprocess.check_output(
            [*command, str(ROOT / "docker" / "database.sh"), "postgres"], env=environment, text=True
        )
        assert output.split() == ["NoNewPrivs:", "1", "65534"]
    assert (tmp_path / "secrets" / "owner" / "pgpass").stat().st_uid == 10001


def test_the_image_can_write_parquet() -> None:
    assert re.search(r"uv export .*--frozen .*--extra parquet", DOCKERFILE)


def test_only_settings_that_exist_are_set(compose: dict[str, Any]) -> None:
    names = {name for service in compose["services"].values() for name in service.get("environment", {})}
    assert {name for name in names if name.startswith("ONCELINK_")} <= list_setting_names(Settings)
    assert set(re.findall(r"ONCELINK_[A-Z_]+", DOCKERFILE)) <= list_setting_names(Settings)


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    names = {name for service in compose["services"].values() for name in service.get("environment", {})}
    assert not any("PASSWORD" in name for name in names)
    assert not re.search(r"postgresql://[^/@\s]*:", text)
    assert "HOST_AUTH_METHOD" not in text


def test_the_app_cannot_read_the_owners_password(compose: dict[str, Any]) -> None:
    mounted = {name: service.get("volumes", []) for name, service in compose["services"].items()}
    assert not any("owner-password" in volume for volume in mounted["app"])
    assert "OWNER" not in str(compose["services"]["app"]["environment"])
    assert all(volume.endswith(":ro") for volume in mounted["app"] if "password" in volume)
    for name in ("app", "migrate"):
        url = str(compose["services"][name]["environment"])
        [folder] = {volume.split(":")[1] for volume in mounted[name] if "password" in volume}
        assert f"passfile={folder}/pgpass" in url


def test_every_named_volume_is_declared(compose: dict[str, Any]) -> None:
    volume_names = {
        volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
    }
    assert {name for name in volume_names if not name.startswith(".")} == set(compose["volumes"])
    assert all((ROOT / name).is_file() for name in volume_names if name.startswith("."))


def test_the_app_runs_as_the_user_that_may_read_the_password() -> None:
    [uid] = re.findall(r"^USER (\d+)$", DOCKERFILE, re.M)
    assert int(uid) > 0
    assert f"--uid {uid} " in DOCKERFILE
    assert f"SECRETS_READER:-{uid}}}" in (ROOT / "docker" / "database.sh").read_text()


def test_the_image_gets_every_folder_of_the_wheel() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    pyproject = (ROOT / "pyproject.toml").read_text()
    [packages] = re.findall(r"^packages = (\[.*\"web\".*\])$", pyproject, re.M)
    assert let_in == {*yaml.safe_load(packages), "pyproject.toml", "uv.lock", "README.md"}


def test_the_image_is_built_with_the_uv_that_the_checks_use() -> None:
    [version] = re.findall(r"^uv_version=(\S+)", (ROOT / ".ci" / "run").read_text(), re.M)
    assert f"uv=={version}\n" in DOCKERFILE
