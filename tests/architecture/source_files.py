"""The source files that the rules of the architecture read, and their functions and names."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "store", "projections", "replay", "integrations", "api")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_files(*folders: str) -> list[Path]:
    """List the Python files of folders of the repository, sorted."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


PACKAGE_FILES = list_files(*PACKAGES)
PYTHON_FILES = list_files(*PACKAGES, "tests", "benchmarks")


def get_name(path: Path) -> str:
    """Return a file's path in the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def read_text(path: Path) -> str:
    """Read a file."""
    return path.read_text(encoding="utf-8")


@cache
def list_nodes(path: Path) -> tuple[ast.AST, ...]:
    """List the nodes of a file's syntax tree; the module is the first."""
    return tuple(ast.walk(ast.parse(read_text(path))))


def count_lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(read_text(path).splitlines())


def list_functions(path: Path) -> list[Function]:
    """List the functions and methods of a file, nested ones too."""
    return [node for node in list_nodes(path) if isinstance(node, Function)]


def count_function_lines(function: Function) -> int:
    """Count the lines of a function's body, without its docstring."""
    has_docstring = ast.get_docstring(function) is not None and len(function.body) > 1
    first_statement = function.body[1 if has_docstring else 0]
    return (function.end_lineno or 0) - first_statement.lineno + 1


def has_decorator(function: Function, pattern: str) -> bool:
    """Return whether the text of a decorator of the function matches a regular expression."""
    return any(re.search(pattern, ast.unparse(decorator)) for decorator in function.decorator_list)


def iterate_names(path: Path) -> Iterator[tuple[int, str]]:
    """Iterate over the names that a file defines, imports, passes or reads from an object, each with its line."""
    for node in list_nodes(path):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.alias(name=name, asname=alias):
                yield node.lineno, alias or name


def assert_none(offenders: Iterable[object], advice: str = "") -> None:
    """Fail with all offenders, one a line, when there are any."""
    lines = [str(offender) for offender in offenders]
    if lines:
        pytest.fail("\n".join([f"{len(lines)} offenders{advice and ': '}{advice}", *lines]), pytrace=False)
