"""CSV (RFC 4180) whose cells no spreadsheet takes for a formula."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

# OWASP, CSV injection: full-width signs are turned into plain ones by some spreadsheets
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Flat rows as CSV, a header first; a column that a row does not have is empty."""
    line = csv.writer(Written(), lineterminator="\r\n").writerow
    yield line(columns)
    for row in rows:
        yield line([cell(row.get(column)) for column in columns])


class Written:
    """Hands back what is written to it, as `writerow` then does."""

    def write(self, text: str) -> str:
        """The text."""
        return text


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
