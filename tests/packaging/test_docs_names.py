"""The documentation names only files and identifiers that exist."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/decisions/*.md")),
    ROOT / "web" / "README.md",
    ROOT / "extension" / "README.md",
]
FOLDERS = [
    "api",
    "benchmarks",
    "docker",
    "docs",
    "domain",
    "extension",
    "integrations",
    "projections",
    "replay",
    "store",
    "tests",
    "web",
]
SOURCE_SUFFIXES = {".py", ".sql", ".js", ".html", ".css", ".json", ".sh", ".toml", ".yml", ".pml"}
FENCE = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.M | re.S)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+/?")
FILE_NAME = re.compile(r"[\w-]+\.(?:py|sql|js|html|css|pml|svg|toml|yml)")
IDENTIFIER = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*(?:\(.*\))?")
NAME_OF_OURS = re.compile(r"[a-z]\w*_\w+|[A-Z]+_[A-Z_]+|(?:[A-Z][a-z]+){2,}")
# names of PostgreSQL, HTTP, Chrome, systemd and Uvicorn
FOREIGN_NAMES = {
    "ApplicationRecorder",
    "EventStore",
    "ExtensionInstallForcelist",
    "FORWARDED_ALLOW_IPS",
    "HttpOnly",
    "InfrastructureFactory",
    "PrivateTmp",
    "en_US",
    "log_min_duration_statement",
    "log_parameter_max_length_on_error",
    "log_statement",
    "notification_log",
    "pg_upgrade",
    "recovery_target_time",
}


def list_code_spans(page: Path) -> set[str]:
    """The backticked words of a page, without its code blocks."""
    return set(CODE_SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))))


@cache
def list_files() -> list[Path]:
    """The files of the repository's folders."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    return [path for path in files if path.is_file()]


@cache
def collect_source_words() -> frozenset[str]:
    """Every word in the repository's source files, pages excluded."""
    sources = [path for path in list_files() if path.suffix in SOURCE_SUFFIXES and path != Path(__file__)]
    return frozenset(word for path in sources for word in re.findall(r"\w+", path.read_text(encoding="utf-8")))


def is_missing_path(page: Path, span: str) -> bool:
    """Whether a code span is a path in the repository, or beside its page, that does not exist."""
    if FILE_NAME.fullmatch(span):
        return all(path.name != span for path in list_files()) and not (ROOT / span).exists()
    if "/" not in span or not PATH.fullmatch(span):
        return False
    starts = [ROOT, page.parent, page.parent / "templates"]
    is_path = any((start / span.split("/")[0]).exists() for start in starts)
    return is_path and not any((start / span).exists() for start in starts)


def list_missing_names(span: str) -> list[str]:
    """The parts of a dotted identifier that occur in no source file."""
    if FILE_NAME.fullmatch(span) or not IDENTIFIER.fullmatch(span):
        return []
    names = [name for name in span.split("(")[0].split(".") if NAME_OF_OURS.fullmatch(name)]
    known_names = collect_source_words() | FOREIGN_NAMES
    return [name for name in names if name not in known_names and find_setting_field(name) not in known_names]


def find_setting_field(name: str) -> str:
    """The field of the settings that a name of the environment stands for."""
    return name.removeprefix("ONCELINK_").lower() if name.startswith("ONCELINK_") else name


def test_every_path_exists() -> None:
    missing = {(page.name, span) for page in PAGES for span in list_code_spans(page) if is_missing_path(page, span)}
    assert sorted(missing) == []


def test_every_identifier_is_in_the_code() -> None:
    missing = {
        (page.name, name)
        for page in PAGES
        if page.name != "analysts.md"  # compared with the views by tests/projections/test_analysts.py
        for span in list_code_spans(page)
        for name in list_missing_names(span)
    }
    assert sorted(missing) == []


def test_missing_names_are_noticed() -> None:
    page = ROOT / "docs" / "architecture.md"
    assert is_missing_path(page, "domain/tokens_of_old.py")
    assert is_missing_path(page, "tokens_of_old.py")
    assert not is_missing_path(page, "domain/token.py")
    assert not is_missing_path(page, "application/problem+json")
    assert list_missing_names("Scheduling.book_in_" + "the_past()") == ["book_in_the_past"]
    assert list_missing_names("CommandApplication.run_decision") == []


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| \[(.+?)\]\((\S+?)\) \| (\S+)", index, re.M)
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [name for _, _, name, _ in rows] == [page.name for page in pages]
    for (number, title, _, status), page in zip(rows, pages, strict=True):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. {title}\n\nStatus: {status.rstrip(';.')}")
