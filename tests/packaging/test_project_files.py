"""The files beside the code: tasks, workflow, templates, links between documents, and digests of migrations."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
MIGRATIONS = ROOT / "store" / "migrations"
DIGESTS = ROOT / "tests" / "store" / "migration_digests.txt"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "web" / "README.md", *sorted(ROOT.glob(".github/**/*.md"))]
JUST = Path(sys.executable).parent / "just"


def load_yaml(name: str) -> Any:
    """A YAML file of the project."""
    return yaml.safe_load((ROOT / name).read_text())


@pytest.fixture(scope="module")
def recipes() -> set[str]:
    """The tasks that `just` lists."""
    command = [JUST, "--dump", "--dump-format", "json"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name, recipe in json.loads(listed.stdout)["recipes"].items() if not recipe["private"]}


class TestTasks:
    """The justfile"""

    def test_has_the_tasks_that_people_expect(self, recipes: set[str]) -> None:
        assert {"check", "test", "fix", "demo", "bench", "docs", "coverage"} <= recipes

    @pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md", ".github/pull_request_template.md"])
    def test_has_every_task_that_a_document_names(self, recipes: set[str], name: str) -> None:
        text = (ROOT / name).read_text()
        tasks = set(re.findall(r"(?:`|^|do |run )just ([a-z][a-z-]*)", text, re.M))
        assert tasks
        assert tasks <= recipes

    def test_lists_when_nothing_is_asked_for(self) -> None:
        output = subprocess.run([JUST], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        assert "coverage" in output


class TestConstraints:
    """constraints.txt, for those who install with pip"""

    def test_has_what_the_lock_file_has_with_its_hashes(self) -> None:
        [command] = re.findall(
            r"^ +(uv export .*) --output-file constraints\.txt$", (ROOT / "justfile").read_text(), re.M
        )
        if not shutil.which("uv"):
            pytest.skip("there is no uv on PATH")
        exported = subprocess.run(command.split(), cwd=ROOT, check=True, capture_output=True, text=True).stdout
        constraints = (ROOT / "constraints.txt").read_text()
        assert constraints == exported, "run `just fix`: constraints.txt is not what uv.lock says"
        requirements = re.sub(r" \\\n", "", constraints).splitlines()
        assert len(requirements) > 40
        assert all(re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in requirements)


class TestChecks:
    """Where the checks of `.ci/run` are run."""

    def test_the_workflow_runs_them_on_the_oldest_python_and_that_of_the_image(self) -> None:
        [job] = load_yaml(".github/workflows/ci.yml")["jobs"].values()
        assert any(step.get("run") == "bash .ci/run" for step in job["steps"])
        oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
        [image] = set(re.findall(r"^FROM python:([\d.]+)-", (ROOT / "Dockerfile").read_text(), re.M))
        assert job["strategy"]["matrix"]["python"] == [oldest, image]

    def test_a_commit_is_checked_by_the_same_programs(self) -> None:
        hooks = [hook for repo in load_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
        script = (ROOT / ".ci" / "run").read_text()
        for hook in hooks:
            assert hook["language"] == "system"
            assert " ".join(hook["entry"].split()[:3]) in script

    def test_the_container_sets_itself_up(self) -> None:
        container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
        assert container["image"].startswith("python:3.")
        script = ROOT / container["postCreateCommand"].removeprefix("bash ")
        assert "uv sync --locked" in script.read_text()
        subprocess.run(["bash", "-n", script], check=True)

    @pytest.mark.parametrize("name", ["bug.yml", "feature.yml"])
    def test_a_form_asks_for_something(self, name: str) -> None:
        form = load_yaml(f".github/ISSUE_TEMPLATE/{name}")
        assert form["name"]
        assert form["description"]
        assert any(field.get("validations", {}).get("required") for field in form["body"])


class TestDocuments:
    """Markdown outside of docs/, which the site's build does not look at."""

    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_links_lead_somewhere(self, document: Path) -> None:
        links = re.findall(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)", document.read_text())
        for target, anchor in links:
            path = document.parent / target
            assert path.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
                assert anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}, target

    def test_the_changelog_has_this_version_and_what_is_not_released(self) -> None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        headings = re.findall(r"^## (.+)$", CHANGELOG, re.M)
        assert headings[0] == "[Unreleased]"
        assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[1])
        groups = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
        assert set(re.findall(r"^### (.+)$", CHANGELOG, re.M)) <= groups

    def test_contributing_names_every_folder_of_tests(self) -> None:
        folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_")}
        assert folders <= set(re.findall(r"`tests/(\w+)`", CONTRIBUTING))


class TestMigrations:
    """A migration that has landed is never edited.

    Databases ran it as it was, and would differ from those that are made anew. `tests/store/migration_digests.txt` has
    the SHA-256 of each, as `sha256sum` prints it. Add a line when you add a migration. When this test fails because you
    edited a migration that has landed, take the edit back and add another migration.
    """

    def test_each_is_as_it_landed(self) -> None:
        digests = {
            f"store/migrations/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in MIGRATIONS.glob("*.sql")
        }
        stated = {name: digest for digest, name in (line.split() for line in DIGESTS.read_text().splitlines())}
        assert digests == stated
        assert len(stated) >= 18

    def test_each_number_is_taken_once(self) -> None:
        numbers = [path.name[:4] for path in MIGRATIONS.glob("*.sql")]
        assert sorted(numbers) == sorted(set(numbers))
