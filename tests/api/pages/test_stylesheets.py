"""The committed stylesheets: made from the sources as they are, and with every class that templates use."""

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "web"
MAILS = WEB / "templates/mail"  # has its looks inside: mail programs load no stylesheet
PAGES = [path for path in sorted((WEB / "templates").rglob("*.html")) if path.parent != MAILS]
STYLES = {
    "app": [path for path in PAGES if "guest" not in path.relative_to(WEB).parts],
    "guest": sorted((WEB / "templates/guest").rglob("*.html")),
}
HOOKS = {"js", "icon"}  # not looks, or set in both sheets


def list_classes(text: str) -> set[str]:
    """The classes that a template names; what an expression computes is left out."""
    without = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    return {
        name for match in re.findall(r'\bclass="([^"]*)"', without) for name in match.split() if not name.endswith("-")
    }


def list_known_classes(css: str) -> set[str]:
    """The classes that a stylesheet speaks of."""
    return {re.sub(r"\\(.)", r"\1", name) for name in re.findall(r"\.((?:[\w-]|\\.)+)", css)}


@pytest.mark.parametrize("name", STYLES)
class TestStylesheet:
    """web/static/css/NAME.css."""

    def test_is_compiled_from_the_sources_as_they_are(self, name: str) -> None:
        sources = (WEB / "css/theme.css").read_bytes() + (WEB / f"css/{name}.css").read_bytes()
        first = (WEB / f"static/css/{name}.css").read_text(encoding="utf-8").splitlines()[0]
        assert hashlib.sha256(sources).hexdigest()[:16] in first, "run web/build-css"

    def test_has_every_class_of_the_templates(self, name: str) -> None:
        used_classes = set().union(*(list_classes(path.read_text(encoding="utf-8")) for path in STYLES[name]))
        assert len(used_classes) > 1
        missing = (
            used_classes - list_known_classes((WEB / f"static/css/{name}.css").read_text(encoding="utf-8")) - HOOKS
        )
        assert missing == set(), "run web/build-css, or take away a class that means nothing"


def test_templates_have_no_inline_script_or_style() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in PAGES}
    assert len(texts) > 10
    forbidden = re.compile(r"\sstyle=|\son\w+=\"|<style|<script(?![^>]*\bsrc=)|hx-on|\bjs:|https?://(?!www\.w3\.org/)")
    assert [path.name for path, text in texts.items() if forbidden.search(text)] == []


def test_every_vendored_thing_has_its_licence() -> None:
    folders = [path for path in (WEB / "static/vendor").iterdir() if path.is_dir()]
    assert len(folders) >= 3
    for folder in [*folders, WEB / "static/fonts", WEB / "icons"]:
        assert any(path.name.startswith("LICENSE") for path in folder.iterdir()), folder
