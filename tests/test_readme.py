"""The README's walk-through, run as it is written against the demo: every `# → text` is what its line prints."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.runs import OUTCOMES, run_typescript_story

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
WALK = README.split("## Walk through")[1].split("\n## ")[0]
DEMO = "from api.cli.main import app; app()"
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `oncelink demo --json` says of itself, while it runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-c", DEMO, "demo", "--json", "--port", str(port), "--data", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONCELINK_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def list_shell_blocks() -> list[str]:
    """The shell blocks of the walk-through, in order."""
    return re.findall(r"```sh\n(.*?)```", WALK, re.DOTALL)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl")
def test_the_walk_through_prints_what_it_says(demo: dict[str, Any], tmp_path: Path) -> None:
    script = "\n".join(list_shell_blocks())
    expected_outputs = re.findall(r"# → (.*)", script)
    key = next(person["api_key"] for person in demo["people"] if person["role"] == "member")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "BASE": demo["base_url"], "KEY": key},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.stdout.splitlines() == expected_outputs, result.stderr
    assert result.returncode == 0, result.stderr
    assert len(expected_outputs) >= 12


def test_the_first_screen_has_the_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:22])
    for command in ("uv run oncelink demo", "uv run pytest", "python3 -m venv .venv && .venv/bin/pip install ."):
        assert command in first_screen


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (Path(__file__).parents[1] / target).exists()


def test_a_generated_client_walks_through_it(demo: dict[str, Any], tmp_path: Path) -> None:
    key = next(person["api_key"] for person in demo["people"] if person["role"] == "member")
    assert run_typescript_story(tmp_path, demo["base_url"], key) == OUTCOMES
