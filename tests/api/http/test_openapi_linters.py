"""Two linters read the OpenAPI document; each is shown a faulty one too, so that its silence means something."""

import json
import re
from pathlib import Path

import pytest

from tests.api.attacks import DOCUMENT
from tests.node.tools import FOLDER, run_program

CONTENT = {"text/event-stream": {"itemSchema": {"type": "string"}}}
GOOD = Path("docs/openapi.json").resolve()


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A short document with faults: a scheme's name with a space, and a keyword of OpenAPI 3.2."""
    path, operations = next(iter(DOCUMENT["paths"].items()))
    operation = {**operations["get"], "responses": {"200": {"description": "All", "content": CONTENT}}}
    document = {**DOCUMENT, "paths": {path: {"get": operation}}, "components": {"securitySchemes": {"API key": {}}}}
    file = tmp_path / "faulty.json"
    file.write_text(json.dumps(document))
    return file


def test_redocly(faulty: Path) -> None:
    config = FOLDER / "redocly.yaml"
    output = run_program(
        "@redocly/cli",
        "redocly",
        "lint",
        "--config",
        config,
        "--format",
        "json",
        "--max-problems",
        "1000",
        GOOD,
        faulty,
    )
    reports = json.loads("[" + re.sub(r"^}{", "},{", output.stdout, flags=re.M) + "]")  # one object for each document
    assert len(reports) == 2, output.stderr
    problems = [problem for report in reports for problem in report["problems"]]
    sources = [Path(problem["location"][0]["source"]["ref"]).name for problem in problems]
    assert sources.count("faulty.json") >= 2, output.stderr
    assert [problem for problem, source in zip(problems, sources, strict=True) if source == GOOD.name] == []


def test_spectral(faulty: Path) -> None:
    ruleset = FOLDER / "spectral.yaml"
    output = run_program(
        "@stoplight/spectral-cli", "spectral", "lint", "--ruleset", ruleset, "--format", "json", "--quiet", GOOD, faulty
    )
    problems = json.loads(output.stdout)
    assert any(Path(problem["source"]).name == "faulty.json" for problem in problems), output.stderr
    assert [problem for problem in problems if Path(problem["source"]).name == GOOD.name] == []


@pytest.mark.parametrize("name", ["redocly.yaml", "spectral.yaml"])
def test_no_rule_is_off_without_a_reason(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    for number, line in enumerate(lines):
        if line.endswith(": off"):
            assert lines[number - 1].strip().startswith("# "), line
