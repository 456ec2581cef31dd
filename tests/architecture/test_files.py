"""Rules for files: a sentence on top, short files and functions, small folders, no mixed concerns."""

import ast
import re
import statistics
from collections import Counter

from tests.architecture.source_files import (
    PACKAGE_FILES,
    PACKAGES,
    PYTHON_FILES,
    ROOT,
    assert_none,
    count_function_lines,
    count_lines,
    get_name,
    list_functions,
    list_nodes,
    read_text,
)

MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 40
MEDIAN_FILE_LINES, MEDIAN_FUNCTION_LINES = 90, 8
MAX_FOLDER_FILES, MAX_API_FILES = 30, 16
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "service", "misc"}
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.*\b(FROM|VALUES|SET|WHERE)\b", re.DOTALL)
SQL_PACKAGES = ("store/", "projections/", "replay/")
# they ask about roles, databases and dead letters, not about bookings
OPERATING_SQL = {"api/server.py", "api/cli/doctor.py", "api/v1/health.py"}
CLOCK_READS = re.compile(r"\b(datetime\.now|datetime\.utcnow|time\.time|date\.today)\(")


def test_there_are_files() -> None:
    assert {get_name(path).split("/")[0] for path in PACKAGE_FILES} == set(PACKAGES)
    assert len(PACKAGE_FILES) > 200


def test_each_file_opens_with_one_sentence() -> None:
    first_lines = {
        get_name(path): (ast.get_docstring(list_nodes(path)[0]) or "").partition("\n")[0]  # type: ignore[arg-type]
        for path in PACKAGE_FILES
    }
    assert_none(name for name, line in first_lines.items() if not line.endswith((".", "`", "…")))


def test_each_file_is_short() -> None:
    assert_none(get_name(path) for path in PACKAGE_FILES if count_lines(path) > MAX_FILE_LINES)


def test_each_function_is_short() -> None:
    functions = [(path, function) for path in PACKAGE_FILES for function in list_functions(path)]
    long_functions = [
        f"{get_name(path)}: {function.name}"
        for path, function in functions
        if count_function_lines(function) > MAX_FUNCTION_LINES
    ]
    assert_none(long_functions)


def test_the_median_file_is_short() -> None:
    assert statistics.median(map(count_lines, PACKAGE_FILES)) <= MEDIAN_FILE_LINES


def test_the_median_function_is_short() -> None:
    lengths = [count_function_lines(function) for path in PACKAGE_FILES for function in list_functions(path)]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION_LINES


def test_no_folder_is_crowded() -> None:
    files = Counter(path.parent.relative_to(ROOT).as_posix() for path in PYTHON_FILES if path.stem != "__init__")
    assert {folder: count for folder, count in files.items() if count > MAX_FOLDER_FILES} == {}
    assert files["api"] <= MAX_API_FILES


def test_file_names_are_specific() -> None:
    assert_none(get_name(path) for path in PYTHON_FILES if path.stem in VAGUE_NAMES)


def test_init_files_import_nothing() -> None:
    importing_files = [
        get_name(path)
        for path in PACKAGE_FILES
        if path.name == "__init__.py"
        and any(isinstance(node, ast.Import | ast.ImportFrom) for node in list_nodes(path))
    ]
    assert_none(importing_files)


def test_sql_stays_in_its_packages() -> None:
    offenders = [
        f"{name}:{node.lineno}"
        for path in PACKAGE_FILES
        if not (name := get_name(path)).startswith(SQL_PACKAGES) and name not in OPERATING_SQL
        for node in list_nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert_none(offenders)


def test_only_one_file_reads_the_clock() -> None:
    assert [get_name(path) for path in PACKAGE_FILES if CLOCK_READS.search(read_text(path))] == ["api/clock.py"]
