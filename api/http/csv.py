"""CSV (RFC 4180) that spreadsheets do not read as formulas, and whose text keeps its direction."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.plain_text import remove_direction_characters

# OWASP, CSV injection: full-width signs are turned into plain ones by some spreadsheets
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def render_csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Render flat rows as CSV lines, the header first; an absent column is empty."""
    write_row = csv.writer(EchoWriter(), lineterminator="\r\n").writerow
    yield write_row(columns)
    for row in rows:
        yield write_row([format_cell(row.get(column)) for column in columns])


class EchoWriter:
    """A file for `csv.writer` whose `write` returns the text."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def format_cell(value: Any) -> str:
    """Format a value as text without characters of direction; one that begins like a formula gets a leading `'`."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = remove_direction_characters(str(value))
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_PREFIXES) else text
