"""Tools of package.json that run on Node.js; a test that needs one is skipped where Node.js is missing."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
MINIMUM_VERSION = (20, 19)  # @redocly/cli needs it
ENVIRONMENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


@cache
def find_node() -> str | None:
    """Find Node.js on PATH; None when it is missing or older than the tools need."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return node if numbers >= MINIMUM_VERSION else None


def require_node() -> str:
    """Return the path of Node.js. Skips the test where it is missing."""
    node = find_node()
    if node is None:
        pytest.skip("needs Node.js {}.{} or newer".format(*MINIMUM_VERSION))
    return node


def require_package(name: str) -> Path:
    """Return the folder of a package of package.json, installed in the pinned version.

    Skips the test where Node.js is missing, or where the packages are not installed; the latter fails on CI, so that no
    check is lost unnoticed.
    """
    require_node()
    manifest = PACKAGES / name / "package.json"
    installed_version = json.loads(manifest.read_text())["version"] if manifest.exists() else None
    if installed_version != read_pinned_versions()[name]:
        report_missing(name)
    return manifest.parent


def read_pinned_versions() -> dict[str, str]:
    """Read the version of each package that package.json pins."""
    return dict(json.loads((FOLDER / "package.json").read_text())["devDependencies"])


def report_missing(name: str) -> NoReturn:
    """Skip the test because a package is missing; on CI, fail it."""
    report = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    report(f"needs {name} as package.json pins it: run `npm ci` in tests/node")


def run_program(
    package: str, program: str, *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of an installed package; returns what it printed and its exit code."""
    require_package(package)
    return subprocess.run(
        [require_node(), PACKAGES / ".bin" / program, *arguments],
        cwd=cwd,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=120,
    )
