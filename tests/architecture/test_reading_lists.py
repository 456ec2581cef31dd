"""What `docs/architecture.md` promises: a booking, a mail and a rebuild can be read in a few files."""

import re

import pytest

from tests.architecture.source_files import ROOT

ARCHITECTURE = ROOT / "docs/architecture.md"


def read_list(heading: str) -> list[str]:
    """Return the paths of the bullet list below a heading of the second level; none when there is no such heading."""
    sections = re.split(r"^## ", ARCHITECTURE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        path
        for text in sections
        if text.startswith(f"{heading}\n")
        for path in re.findall(r"^- `([^`]+)`", text, re.MULTILINE)
    ]


@pytest.mark.parametrize(
    ("heading", "count"), [("A booking in six files", 6), ("A mail in eight files", 8), ("A rebuild in five files", 5)]
)
def test_the_files_exist(heading: str, count: int) -> None:
    paths = read_list(heading)
    assert len(paths) == count
    assert [path for path in paths if not (ROOT / path).is_file()] == []
