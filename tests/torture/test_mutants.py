"""A bug in the service is caught by the torture; all of them by `python -m tests.torture --mutants`."""

from pathlib import Path

import pytest

from tests.torture.mutants import MUTANTS, NotSeeded, Patch, copied, hunted

HUNTED = ("no-key", "link-version-not-checked", "check-then-insert")  # caught soon
SECONDS = 90  # at most: the first piece of evidence ends it, within 20 s on an idle machine


@pytest.mark.parametrize("name", HUNTED)
def test_a_seeded_bug_is_caught(name: str) -> None:
    found = hunted(name, SECONDS, seed=1)
    assert found.evidence, found.output


def test_every_bug_can_still_be_seeded(tmp_path: Path) -> None:
    for name, mutant in MUTANTS.items():
        tree = tmp_path / name
        copied(tree)
        for patch in mutant.patches:
            patch.apply(tree)


def test_a_text_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    with pytest.raises(NotSeeded):
        Patch("*.py", "what was here before", "").apply(tmp_path)
