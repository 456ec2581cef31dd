"""Tools on Node.js: pinned exactly, and found or reported as missing."""

import json
import re

import pytest

from tests.node import tools

LOCKED_PACKAGES = json.loads((tools.FOLDER / "package-lock.json").read_text())["packages"]


def test_each_version_is_pinned_and_locked() -> None:
    versions = tools.read_pinned_versions()
    assert versions
    for name, version in versions.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert LOCKED_PACKAGES[f"node_modules/{name}"]["version"] == version


def test_each_locked_package_has_a_digest_and_no_address() -> None:
    packages = {name: package for name, package in LOCKED_PACKAGES.items() if name}
    assert len(packages) > 100
    assert {name for name, package in packages.items() if not package.get("integrity")} == set()
    assert {name for name, package in packages.items() if "resolved" in package} == set()


class TestMissing:
    """What a test that needs a tool does where it is missing."""

    def test_is_skipped_without_node(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tools, "find_node", lambda: None)
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.skip.Exception, match=r"needs Node\.js 20\.19"):
            tools.require_package("@redocly/cli")

    @pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
    def test_fails_only_on_ci_without_the_package(
        self, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
    ) -> None:
        monkeypatch.setattr(tools, "find_node", lambda: "/usr/bin/node")
        monkeypatch.setattr(tools, "PACKAGES", tools.FOLDER / "nothing")
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="npm ci"):
            tools.require_package("@redocly/cli")
