"""The wheel: everything in it, and it works where there is no checkout."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("domain", "store", "projections", "replay", "integrations", "api", "web", "extension")
WHERE = """
import importlib, importlib.resources, json
packages = ("domain", "store", "projections", "replay", "integrations", "api.cli.main")
modules = [importlib.import_module(name).__file__ for name in packages]
data = [str(next(iter(importlib.resources.files(name).iterdir()))) for name in ("store.migrations", "web")]
print(json.dumps(modules + data))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    [wheel_path] = folder.glob("*.whl")
    return wheel_path


@pytest.fixture(scope="module")
def wheel_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it; what the wheel depends on is lent by the one that runs the tests.

    A path file does not read the path files of the folder that it names, so the checkout is not lent with it.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    places = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    package_paths = "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (Path(places["purelib"]) / "lent.pth").write_text(package_paths + "\n")
    subprocess.run(
        [folder / "bin/python", "-m", "installer", wheel], check=True, cwd=folder, env=build_bare_environment()
    )
    return folder


def build_bare_environment(**extra: str) -> dict[str, str]:
    """An environment in which nothing leads to the checkout."""
    prefixes = ("PYTHON", "ONCELINK_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)} | extra


def run_command(command: list[str | Path], folder: Path, **extra: str) -> str:
    """What a command that must succeed prints, run in a folder outside of the checkout."""
    result = subprocess.run(
        command, cwd=folder, env=build_bare_environment(**extra), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PACKAGES]
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    tracked_files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    with ZipFile(wheel) as archive:
        packaged_names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packaged_names == {name for name in tracked_files if name and (ROOT / name).is_file()}
    assert {"store/rights.sql", "store/migrations/0001_log.sql", "web/static/docs/start.js"} <= packaged_names


def test_its_modules_and_data_come_from_the_environment(wheel_environment: Path, tmp_path: Path) -> None:
    paths = json.loads(run_command([wheel_environment / "bin/python", "-c", WHERE], tmp_path))
    assert [path for path in paths if not Path(path).is_relative_to(wheel_environment)] == []


def test_the_command_is_there(wheel_environment: Path, tmp_path: Path) -> None:
    output = run_command([wheel_environment / "bin/oncelink", "--help"], tmp_path, COLUMNS="120")
    assert "doctor" in output


def test_doctor_finds_nothing_to_do_once_the_schema_is_made(wheel_environment: Path, tmp_path: Path) -> None:
    run_command([wheel_environment / "bin/oncelink", "migrate"], tmp_path)
    output = run_command([wheel_environment / "bin/oncelink", "doctor", "--json"], tmp_path)
    assert {check["name"]: check["ok"] for check in json.loads(output)}["schema"]
    assert (tmp_path / ".oncelink" / "postgres").is_dir()


class TestDemo:
    """`oncelink demo`, away from the checkout"""

    @pytest.fixture
    def demo(self, wheel_environment: Path, tmp_path: Path) -> Iterator[dict[str, object]]:
        """What it prints first; it is stopped afterwards."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        options = ["--port", str(port), "--data", str(tmp_path / "data")]
        command = [str(wheel_environment / "bin/oncelink"), "demo", "--json", *options]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=build_bare_environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert process.stdout
        line = process.stdout.readline()
        try:
            assert line, (tmp_path / "log").read_text()
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)

    def test_it_serves_the_sample_organisation(self, demo: dict[str, object]) -> None:
        with urlopen(f"{demo['base_url']}/healthz", timeout=10) as response:
            assert response.status == 200
        assert demo["people"]
