"""docker-compose.yml, Dockerfile and docker/: consistent with each other; what they do is in test_plain_postgres.py."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings
from tests.packaging.operations import list_setting_names

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, as YAML reads it."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_the_app_waits_for_a_migrated_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["app"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "healthcheck" in services["database"]
    assert services["migrate"]["command"] == ["migrate"]
    assert "/readyz" in DOCKERFILE


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
