"""Runs the walk-through with clients that are generated from docs/openapi.json."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.node.tools import PACKAGES, require_node, run_program

FOLDER = Path(__file__).parent
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
OUTCOMES = ["201", "410 link_used", "201 true True", "rescheduled", "True", "link_not_found", "single_use"]
GENERATOR_OPTIONS = ["--default-non-nullable=false"]  # what has a default may be left out of a request
COMPILER_OPTIONS = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]


def run_typescript_story(folder: Path, base_url: str, key: str) -> list[str]:
    """Generate types, compile the story with strict checks, and run it in a folder; returns the lines it prints."""
    (folder / "node_modules").symlink_to(PACKAGES)
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(FOLDER / "story.ts", folder)
    steps = [
        (
            "openapi-typescript",
            "openapi-typescript",
            DOCUMENT,
            *GENERATOR_OPTIONS,
            "--output",
            folder / "oncelink.d.ts",
        ),
        ("typescript", "tsc", *COMPILER_OPTIONS, "story.ts"),
    ]
    for package, program, *arguments in steps:
        step = run_program(package, program, *arguments, cwd=folder)
        assert step.returncode == 0, step.stdout + step.stderr
    return run_story([require_node(), folder / "story.js", base_url, key], folder)


def run_python_story(folder: Path, base_url: str, key: str) -> list[str]:
    """Generate a client and run the story in an environment of its own; returns the lines that it prints."""
    shutil.copy(FOLDER / "story.py", folder)
    generate = ["uvx", PYTHON_GENERATOR, "generate", "--path", DOCUMENT, "--meta", "none", "--overwrite"]
    subprocess.run([*generate, "--output-path", folder / "oncelink_client"], check=True, stdout=sys.stderr)
    return run_story(
        ["uvx", "--with", PYTHON_GENERATOR, "--with", "python-dateutil", "python", "story.py", base_url, key], folder
    )


def run_story(command: list[str | Path], folder: Path) -> list[str]:
    """Run a story; returns the lines that it prints."""
    story = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert story.returncode == 0, story.stderr
    return story.stdout.splitlines()
