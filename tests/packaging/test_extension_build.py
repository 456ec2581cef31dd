"""The extension as a file, and the rules that its manifest and pages keep."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.settings import OUR_EXTENSION

FOLDER = Path(__file__).resolve().parents[2] / "extension"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
SCRIPTS = sorted((FOLDER / "js").glob("*.js"))
POLICY = dict(part.split(" ", 1) for part in MANIFEST["content_security_policy"]["extension_pages"].split("; "))
CODE_FROM_TEXT = re.compile(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|import\(")
MAX_BYTES = 100_000


@pytest.fixture
def extension_archive(tmp_path: Path) -> Path:
    """The file that the command makes."""
    result = CliRunner().invoke(app, ["extension", "build", "-o", str(tmp_path / "made.zip"), "--json"])
    assert result.exit_code == 0, result.output
    output = json.loads(result.stdout)
    assert output["version"] == version("oncelink")
    assert output["bytes"] == (tmp_path / "made.zip").stat().st_size
    return tmp_path / "made.zip"


class TestTheFile:
    """`oncelink extension build`."""

    def test_is_small_and_has_the_version(self, extension_archive: Path) -> None:
        assert extension_archive.stat().st_size < MAX_BYTES
        with ZipFile(extension_archive) as archive:
            assert archive.testzip() is None
            assert json.loads(archive.read("manifest.json")) == {**MANIFEST, "version": version("oncelink")}

    def test_has_every_file_and_no_other(self, extension_archive: Path) -> None:
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "extension"]
        tracked_files = subprocess.run(
            listing, cwd=FOLDER.parent, check=True, capture_output=True, text=True
        ).stdout.split()
        with ZipFile(extension_archive) as archive:
            assert set(archive.namelist()) == {file_name.removeprefix("extension/") for file_name in tracked_files} - {
                "README.md"
            }

    def test_is_the_same_each_time(self, extension_archive: Path, tmp_path: Path) -> None:
        CliRunner().invoke(app, ["extension", "build", "-o", str(tmp_path / "again.zip")])
        assert (tmp_path / "again.zip").read_bytes() == extension_archive.read_bytes()

    def test_has_a_name_by_itself(self, tmp_path: Path) -> None:
        command = [str(Path(sys.executable).with_name("oncelink")), "extension", "build"]
        output = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        assert [path.name for path in tmp_path.iterdir()] == [f"oncelink-extension-{version('oncelink')}.zip"]
        assert version("oncelink") in output

    def test_for_the_store_has_no_key(self, tmp_path: Path) -> None:
        CliRunner().invoke(app, ["extension", "build", "--store", "-o", str(tmp_path / "store.zip")])
        with ZipFile(tmp_path / "store.zip") as archive:
            assert "key" not in json.loads(archive.read("manifest.json"))

    def test_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(app, ["extension", "build", "-o", str(tmp_path / "nowhere" / "made.zip")])
        assert result.exit_code == 1
        assert "cannot be written" in result.output


class TestTheManifest:
    """manifest.json."""

    def test_asks_for_no_more_than_it_needs(self) -> None:
        assert MANIFEST["manifest_version"] == 3
        assert set(MANIFEST["permissions"]) == {"storage", "clipboardWrite", "activeTab", "contextMenus", "scripting"}
        assert "host_permissions" not in MANIFEST
        assert MANIFEST["optional_host_permissions"] == ["https://*/*", "http://localhost/*", "http://127.0.0.1/*"]
        assert not MANIFEST.keys() & {"content_scripts", "externally_connectable", "web_accessible_resources"}

    def test_every_permission_is_used(self) -> None:
        text = "\n".join(path.read_text() for path in SCRIPTS)
        for api in ("chrome.storage", "navigator.clipboard", "chrome.scripting", "chrome.contextMenus"):
            assert api in text

    def test_its_version_is_the_programs(self) -> None:
        assert MANIFEST["version"] == version("oncelink")

    def test_its_key_makes_the_id_that_servers_allow(self) -> None:
        digest = hashlib.sha256(base64.b64decode(MANIFEST["key"])).hexdigest()[:32]
        id = "".join(chr(ord("a") + int(digit, 16)) for digit in digest)
        assert f"chrome-extension://{id}" == OUR_EXTENSION

    def test_its_policy_lets_no_foreign_or_inline_code_run(self) -> None:
        assert POLICY["default-src"] == "'none'"
        assert {POLICY[name] for name in ("script-src", "style-src", "img-src", "font-src")} == {"'self'"}
        assert {POLICY[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
        assert POLICY["connect-src"] == "https: http://localhost:* http://127.0.0.1:*"

    def test_every_file_that_it_names_is_there(self) -> None:
        icons = {*MANIFEST["icons"].values(), *MANIFEST["action"]["default_icon"].values()}
        file_names = {*icons, MANIFEST["action"]["default_popup"], MANIFEST["background"]["service_worker"]}
        assert len(file_names) == 6
        assert [name for name in file_names if not (FOLDER / name).is_file()] == []


class TestTheCode:
    """popup.html, popup.css and the modules."""

    def test_has_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        html = (FOLDER / "popup.html").read_text()
        assert re.findall(r"<script(?![^>]*\bsrc=\"js/)|<style|\sstyle=|\son\w+=", html) == []
        for path in (FOLDER / "popup.html", FOLDER / "popup.css"):
            assert re.findall(r"https?://|//[a-z]", path.read_text()) == []

    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
    def test_runs_no_text_as_code(self, path: Path) -> None:
        text = path.read_text()
        assert CODE_FROM_TEXT.findall(text) == []
        assert all(module_path.startswith("./") for module_path in re.findall(r"from \"([^\"]+)\"", text))
        assert text.startswith("// ")
        assert len(text.splitlines()) <= 300

    def test_has_the_colours_of_the_pages(self) -> None:
        theme_css = (FOLDER.parent / "web/css/theme.css").read_text()
        popup_css = (FOLDER / "popup.css").read_text()
        light_colour, dark_colour = re.findall(r"--color-primary: (oklch\([^)]*\))", theme_css)
        assert re.findall(r"--primary: (oklch\([^)]*\))", popup_css) == [light_colour, dark_colour]
        assert re.findall(r"--text: (oklch\([^)]*\))", popup_css) == re.findall(
            r"--color-base-content: ([^;]*)", theme_css
        )
        assert re.findall(r"--ground: (oklch\([^)]*\))", popup_css) == re.findall(
            r"--color-base-200: ([^;]*)", theme_css
        )
