"""The project's rules that a machine can check: a sentence on top of each file, short files, plain names."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "store", "projections", "replay", "integrations", "api")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TEXTS = [*FILES, *sorted((ROOT / "tests").rglob("*.py")), *sorted(ROOT.rglob("docs/**/*.md")), ROOT / "README.md"]
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "service", "misc"}
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.*\b(FROM|VALUES|SET|WHERE)\b", re.DOTALL)
MAY_HAVE_SQL = {"store", "projections", "replay"}
OPERATING_SQL = {
    "server.py",
    "health.py",
    "doctor.py",
}  # asks about roles, databases and dead letters, not about bookings
# calendars have words of their own
IN_CALENDARS = {
    "hostile_guests.py",
    "icalendar.py",
    "test_manage_pages.py",
    "test_killed_workers.py",
    "test_meeting_mails.py",
    "test_calendar_delivery.py",
}
FORBIDDEN_WORDS = re.compile(r"\b(attendees?|invitees?|appointments?|event[- ]types?|organi[sz]ers?)\b", re.IGNORECASE)


def parse_module(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def list_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its number of lines, its docstring not counted."""
    for node in ast.walk(parse_module(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first_line = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield node.name, (node.end_lineno or 0) - first_line.lineno + 1


def get_file_name(path: Path) -> str:
    """A file as messages name it."""
    return str(path.relative_to(ROOT))


def test_looks_at_files() -> None:
    assert len(FILES) > 60


@pytest.mark.parametrize("path", FILES, ids=get_file_name)
class TestFile:
    """Each file of the packages."""

    def test_opens_with_one_sentence(self, path: Path) -> None:
        docstring = ast.get_docstring(parse_module(path))
        assert docstring
        assert docstring.splitlines()[0].endswith((".", "`", "…"))

    def test_is_short(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300

    def test_has_short_functions(self, path: Path) -> None:
        assert [name for name, lines in list_functions(path) if lines > 40] == []

    def test_has_a_name_that_says_something(self, path: Path) -> None:
        assert path.stem not in VAGUE_NAMES

    def test_init_files_export_nothing(self, path: Path) -> None:
        if path.name == "__init__.py":
            assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(parse_module(path)))

    def test_keeps_sql_in_its_rooms(self, path: Path) -> None:
        if path.parts[len(ROOT.parts)] in MAY_HAVE_SQL or path.name in OPERATING_SQL:
            return
        texts = [node.value for node in ast.walk(parse_module(path)) if isinstance(node, ast.Constant)]
        assert [text for text in texts if isinstance(text, str) and SQL.search(text)] == []


def test_files_and_functions_are_short_in_the_middle() -> None:
    assert statistics.median(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES) <= 110
    assert statistics.median(lines for path in FILES for _, lines in list_functions(path)) <= 8


def test_only_one_place_reads_the_clock() -> None:
    reading = re.compile(r"\b(datetime\.now|datetime\.utcnow|time\.time|date\.today)\(")
    assert [get_file_name(path) for path in FILES if reading.search(path.read_text(encoding="utf-8"))] == [
        "api/clock.py"
    ]


@pytest.mark.parametrize("path", TEXTS, ids=get_file_name)
def test_says_things_in_the_words_of_the_glossary(path: Path) -> None:
    if path.name in {"glossary.md", Path(__file__).name} | IN_CALENDARS:
        return
    matches = FORBIDDEN_WORDS.findall(path.read_text(encoding="utf-8"))
    assert matches == []
