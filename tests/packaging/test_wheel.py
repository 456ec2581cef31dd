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
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it; what the wheel depends on is lent by the one that runs the tests.

    A path file does not read the path files of the folder that it names, so the checkout is not lent with it.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    places = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    lent = "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (Path(places["purelib"]) / "lent.pth").write_text(lent + "\n")
    subprocess.run([folder / "bin/python", "-m", "installer", wheel], check=True, cwd=folder, env=bare())
    return folder


def bare(**more: str) -> dict[str, str]:
    """An environment in which nothing leads to the checkout."""
    ours = ("PYTHON", "ONCELINK_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def output_of(command: list[str | Path], folder: Path, **more: str) -> str:
    """What a command that must succeed prints, run in a folder outside of the checkout."""
    done = subprocess.run(command, cwd=folder, env=bare(**more), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PACKAGES]
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    known = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    with ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert carried == {name for name in known if name and (ROOT / name).is_file()}
    assert {"store/rights.sql", "store/migrations/0001_log.sql", "web/static/docs/start.js"} <= carried


def test_its_modules_and_data_come_from_the_environment(installed: Path, tmp_path: Path) -> None:
    where = json.loads(output_of([installed / "bin/python", "-c", WHERE], tmp_path))
    assert [path for path in where if not Path(path).is_relative_to(installed)] == []


def test_the_command_is_there(installed: Path, tmp_path: Path) -> None:
    said = output_of([installed / "bin/oncelink", "--help"], tmp_path, COLUMNS="120")
    assert "doctor" in said


def test_doctor_finds_nothing_to_do_once_the_schema_is_made(installed: Path, tmp_path: Path) -> None:
    output_of([installed / "bin/oncelink", "migrate"], tmp_path)
    said = output_of([installed / "bin/oncelink", "doctor", "--json"], tmp_path)
    assert {check["name"]: check["ok"] for check in json.loads(said)}["schema"]
    assert (tmp_path / ".oncelink" / "postgres").is_dir()


class TestDemo:
    """`oncelink demo`, away from the checkout"""

    @pytest.fixture
    def demo(self, installed: Path, tmp_path: Path) -> Iterator[dict[str, object]]:
        """What it prints first; it is stopped afterwards."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        where = ["--port", str(port), "--data", str(tmp_path / "data")]
        command = [str(installed / "bin/oncelink"), "demo", "--json", *where]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=tmp_path, env=bare(), stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout
        line = process.stdout.readline()
        try:
            assert line, (tmp_path / "log").read_text()
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)

    def test_it_serves_the_sample_organisation(self, demo: dict[str, object]) -> None:
        with urlopen(f"{demo['base_url']}/healthz", timeout=10) as answer:
            assert answer.status == 200
        assert demo["people"]
