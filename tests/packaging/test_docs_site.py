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
PAGE = "decisions/0001-one-append.md"
# page, what is added to it, what is said about it
BROKEN = [
    ("time.md", "[x](missing-page.md)", "missing-page.md"),
    ("time.md", "[x](operations.md#nowhere-on-a-page)", "#nowhere-on-a-page"),
    ("time.md", "[x](#nowhere-here)", "#nowhere-here"),
    ("time.md", "[x](../domain/missing_source.py)", "../domain/missing_source.py"),
    ("time.md", "[x](../README.md#nowhere-outside)", "#nowhere-outside"),
    ("time.md", "[x]: ../missing-file.txt", "../missing-file.txt"),
    (PAGE, "[x](/events.md)", "/events.md"),
    ("lost.md", "# Lost", "lost.md"),
]
UNUSED = shutil.ignore_patterns("__pycache__", "static", "*.png")


def copy_sources(folder: Path) -> Path:
    """A copy of what the site is made of."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=None if name == "docs" else UNUSED)
        else:
            shutil.copy(source, folder / name)
    return folder


def build(project: Path) -> subprocess.CompletedProcess[str]:
    """Builds the site as the checks do."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)


def append(path: Path, text: str) -> None:
    """Adds a line to a page."""
    path.write_text(f"{path.read_text()}\n{text}\n")


def locate_page(site: Path, page: str) -> Path:
    """Where the site has a page; a folder's README is its index."""
    return (site / page.replace("README", "index")).with_suffix(".html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, with a link to a source file and a diagram on a page that has neither."""
    project = copy_sources(tmp_path_factory.mktemp("project"))
    for text in ("[checker](../../tests/torture/checker.py)", "```mermaid\ngraph LR\n  a --> b\n```"):
        append(project / "docs" / PAGE, text)
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "site"


def test_every_page_is_in_the_navigation_and_in_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")} - {Path("vendor/README.md")}
    listed = set(re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {str(page) for page in pages} | {"api.md"}
    assert [page for page in listed if not locate_page(site, page).is_file()] == []
    assert (site / "openapi.json").read_bytes() == (ROOT / "docs" / "openapi.json").read_bytes()
    assert not (site / "site_hooks.py").exists()


def test_the_apis_page_has_every_operation(site: Path) -> None:
    page = (site / "api.html").read_text()
    for path, operations in json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"].items():
        assert page.count(f"<code>{path}</code>") == len(operations), path


def test_a_link_to_a_source_file_leads_to_its_page(site: Path) -> None:
    assert 'href="../source/tests/torture/checker.py.html"' in locate_page(site, PAGE).read_text()
    source = (site / "source" / "tests" / "torture" / "checker.py.html").read_text()
    assert "def " in re.sub(r"<[^>]+>", "", source)


def test_a_diagram_is_drawn_by_our_own_copy_and_only_its_page_loads_it(site: Path) -> None:
    loading = {path for path in site.rglob("*.html") if "vendor/mermaid.min.js" in path.read_text()}
    sources = [path for path in (ROOT / "docs").rglob("*.md") if "```mermaid" in path.read_text()]
    assert loading == {
        locate_page(site, page) for page in (PAGE, *(str(path.relative_to(ROOT / "docs")) for path in sources))
    }
    assert '<script src="../vendor/mermaid.min.js">' in locate_page(site, PAGE).read_text()


def test_no_page_asks_another_origin(site: Path) -> None:
    for path in site.rglob("*.html"):
        origins = re.findall(
            r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]+)"', path.read_text()
        )
        assert origins == [], path


def test_the_vendored_file_is_the_one_that_its_readme_names() -> None:
    vendor = ROOT / "docs" / "vendor"
    stated = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (vendor / "README.md").read_text(), re.M))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("*.js")}
    assert digests == stated


def test_each_broken_thing_fails_the_build(tmp_path: Path) -> None:
    project = copy_sources(tmp_path)
    for name, text, _ in BROKEN:
        (project / "docs" / name).touch()
        append(project / "docs" / name, text)
    done = build(project)
    assert done.returncode == 1, done.stdout + done.stderr
    warnings = re.findall(r"^WARNING.*(?:\n {2}.*)*", done.stderr, re.M)
    assert [complaint for _, _, complaint in BROKEN if not any(complaint in warning for warning in warnings)] == []
