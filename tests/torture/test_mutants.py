"""A bug in the service is caught by the torture; all of them by `python -m tests.torture --mutants`."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.torture.mutants import MUTANTS, ROOT, NotSeeded, Patch, run_mutant

QUICK_MUTANT = "check-then-insert"
SECONDS = 90  # at most: the first piece of evidence ends it, within 20 s on an idle machine


def test_a_seeded_bug_is_caught() -> None:
    result = run_mutant(QUICK_MUTANT, SECONDS, seed=1)
    assert result.evidence, result.output


def copy_files(tree: Path, patterns: Sequence[str]) -> None:
    """Copy the files of glob patterns from the repository to a tree."""
    for source in {source for pattern in patterns for source in ROOT.glob(pattern)}:
        target = tree / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def test_every_bug_can_still_be_seeded(tmp_path: Path) -> None:
    for name, mutant in MUTANTS.items():
        tree = tmp_path / name
        copy_files(tree, [patch.files for patch in mutant.patches])
        for patch in mutant.patches:
            patch.apply_patch(tree)


def test_a_text_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    with pytest.raises(NotSeeded):
        Patch("*.py", "what was here before", "").apply_patch(tmp_path)
