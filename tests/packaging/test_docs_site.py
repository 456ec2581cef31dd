"""The documentation as a site: complete, from one origin, and not built when something in it is broken."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("mkdocs.yml", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "web", "tests")
UNUSED = shutil.ignore_patterns("__pycache__", "static", "*.png")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the site is made of."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=None if name == "docs" else UNUSED)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def build(project: Path) -> subprocess.CompletedProcess[str]:
    """Builds the site as the checks do."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)


def append(path: Path, text: str) -> None:
    """Adds a line to a page."""
    path.write_text(f"{path.read_text()}\n{text}\n")


def locate_page(project: Path, page: str) -> Path:
    """Where the site has a page; a folder's README is its index."""
    return (project / "site" / page.replace("README", "index")).with_suffix(".html")


def test_every_page_is_in_the_navigation_and_in_the_site(project: Path) -> None:
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")} - {Path("vendor/README.md")}
    listed = set(re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {str(page) for page in pages} | {"api.md"}
    assert [page for page in listed if not locate_page(project, page).is_file()] == []
    assert (project / "site" / "openapi.json").read_bytes() == (ROOT / "docs" / "openapi.json").read_bytes()
    assert not (project / "site" / "site_hooks.py").exists()


def test_the_apis_page_has_every_operation(project: Path) -> None:
    build(project)
    page = (project / "site" / "api.html").read_text()
    for path, operations in json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"].items():
        assert page.count(f"<code>{path}</code>") == len(operations), path


def test_a_link_to_a_source_file_leads_to_its_page(project: Path) -> None:
    append(project / "docs" / "decisions" / "0001-one-append.md", "[checker](../../tests/torture/checker.py)")
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (project / "site" / "decisions" / "0001-one-append.html").read_text()
    assert 'href="../source/tests/torture/checker.py.html"' in page
    source = (project / "site" / "source" / "tests" / "torture" / "checker.py.html").read_text()
    assert "def " in re.sub(r"<[^>]+>", "", source)


def test_a_diagram_is_drawn_by_our_own_copy_and_only_its_page_loads_it(project: Path) -> None:
    append(project / "docs" / "decisions" / "0001-one-append.md", "```mermaid\ngraph LR\n  a --> b\n```")
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    loading = {path for path in (project / "site").rglob("*.html") if "vendor/mermaid.min.js" in path.read_text()}
    sources = [path for path in (project / "docs").rglob("*.md") if "```mermaid" in path.read_text()]
    assert loading == {locate_page(project, str(path.relative_to(project / "docs"))) for path in sources}
    page = (project / "site" / "decisions" / "0001-one-append.html").read_text()
    assert '<script src="../vendor/mermaid.min.js">' in page


def test_no_page_asks_another_origin(project: Path) -> None:
    build(project)
    for path in (project / "site").rglob("*.html"):
        origins = re.findall(
            r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]+)"', path.read_text()
        )
        assert origins == [], path


def test_the_vendored_file_is_the_one_that_its_readme_names() -> None:
    vendor = ROOT / "docs" / "vendor"
    stated = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (vendor / "README.md").read_text(), re.M))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("*.js")}
    assert digests == stated


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("time.md", "[x](nowhere.md)", "nowhere.md"),
        ("time.md", "[x](operations.md#nowhere)", "#nowhere"),
        ("time.md", "[x](#nowhere)", "#nowhere"),
        ("time.md", "[x](../domain/nowhere.py)", "../domain/nowhere.py"),
        ("time.md", "[x](../README.md#nowhere)", "#nowhere"),
        ("time.md", "[x]: ../nowhere.txt", "../nowhere.txt"),
        ("decisions/0001-one-append.md", "[x](/events.md)", "/events.md"),
        ("lost.md", "# Lost", "lost.md"),
    ],
)
def test_what_is_broken_fails(project: Path, name: str, text: str, complaint: str) -> None:
    (project / "docs" / name).touch()
    append(project / "docs" / name, text)
    done = build(project)
    assert done.returncode == 1, done.stdout + done.stderr
    assert complaint in done.stdout + done.stderr
