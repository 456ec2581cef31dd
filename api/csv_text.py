"""CSV (RFC 4180) whose cells no spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

# OWASP, CSV injection: full-width signs are turned into plain ones by some spreadsheets
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Flat rows as CSV, a header first; a column that a row does not have is empty."""
    yield csv_line(columns)
    for row in rows:
        yield csv_line([cell(row.get(column)) for column in columns])


def csv_line(cells: Iterable[str]) -> str:
    """One line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def cell(value: Any) -> str:
    """A value as text; one that begins like a formula gets a ' before it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
