"""Splits a pasted or uploaded list into rows of cells: separators comma, semicolon and tab, quotes as in RFC 4180."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import getaddresses

SEPARATORS = ("\t", ";", ",")
BLANKS = " ,;"  # a cell of separators alone is empty
MAX_UNCLOSED_QUOTES = 20  # from then on quotation marks are read as they stand
UNCLOSED_QUOTE = "A quotation mark is opened and not closed, or text follows after a closed one."
QUOTED_TEXT = re.compile(r'"(?:[^"]|"")*"')
SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)  # which Excel reads and writes


@dataclass(frozen=True, slots=True)
class CsvRow:
    """The cells of a row, without spaces around them, and the number of its first line; or why it cannot be read."""

    line: int
    cells: tuple[str, ...] = ()
    problem: str | None = None


def split_rows(text: str) -> list[CsvRow]:
    """Split a text into the rows that are not empty."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").split("\n")
    match = SEPARATOR_LINE.fullmatch(lines[0].strip())
    separator = match.group(1) if match and match.group(1) in SEPARATORS else find_separator(lines)
    rows = read_rows(lines, separator, start=1 if match else 0)
    return [row for row in rows if row.problem or any(cell.strip(BLANKS) for cell in row.cells)]


def find_separator(lines: Sequence[str]) -> str:
    """Find the separator that stands in the most lines, outside quotes; tab before semicolon before comma."""
    plain_lines = QUOTED_TEXT.sub("", "\n".join(lines)).split("\n")
    counts = {separator: sum(separator in line for line in plain_lines) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: counts[separator])


def read_rows(lines: Sequence[str], separator: str, start: int) -> Iterator[CsvRow]:
    """Yield the rows from a line on. A row whose quotes do not match is one problem, and the next line a new row."""
    unclosed_quotes = 0
    while start < len(lines):
        reader = csv.reader(
            (f"{line}\n" for line in lines[start:]),
            delimiter=separator,
            quoting=csv.QUOTE_MINIMAL if unclosed_quotes < MAX_UNCLOSED_QUOTES else csv.QUOTE_NONE,
            skipinitialspace=True,
            strict=True,
        )
        begin = start
        try:
            for cells in reader:
                yield CsvRow(begin + 1, tuple(" ".join(cell.split()) for cell in cells))
                begin = start + reader.line_num
            return
        except csv.Error:
            yield read_addresses(begin + 1, lines[begin]) or CsvRow(begin + 1, problem=UNCLOSED_QUOTE)
            unclosed_quotes += 1
            start = begin + 1


def read_addresses(line: int, text: str) -> CsvRow | None:
    """Read a line such as `"Hopper, Grace" <grace@example.com>; …`, as mail programs copy it; None for another line."""
    if "@" not in text or "<" not in text:
        return None
    addresses = getaddresses([text.replace(";", ",")])
    is_complete = all("@" in address for _, address in addresses)
    return CsvRow(line, tuple(f"{name} <{address}>" for name, address in addresses)) if is_complete else None
