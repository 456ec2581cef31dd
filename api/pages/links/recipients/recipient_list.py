"""Reads a list of recipients: who gets a link, which rows are duplicates, and which cannot be read and why."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from api.pages.links.recipients.csv_rows import SEPARATORS, CsvRow, split_rows
from api.pages.links.recipients.headings import Columns, find_columns
from api.pages.rendering.forms import InvalidForm, validate_form
from api.v1.request_bodies import NewRecipient
from domain.email_addresses import fold_address

MAX_RECIPIENTS = 1_000
NAMED_ADDRESS = re.compile(r'"?([^"<>@]*?)"?\s*<([^<>\s]+@[^<>\s]+)>')  # as mail programs write it (RFC 5322, 3.4)
SPLIT_ADDRESSES = re.compile(f"[{''.join(SEPARATORS)}]")
FIELD_LABELS = {"name": "The name", "email": "The address"}


@dataclass(frozen=True, slots=True)
class ListedRecipient:
    """A recipient, and the number of the line that names them."""

    line: int
    recipient: NewRecipient

    @property
    def key(self) -> str:
        """What makes two recipients the same: the address, or the name of those who have none."""
        return derive_recipient_key(self.recipient.name, self.recipient.email)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that makes no link: its line, why not, and what stands there."""

    line: int
    reason: str
    text: str = ""


@dataclass
class RecipientList:
    """A list as it was read. `columns` is None for a list without headings."""

    recipients: list[ListedRecipient] = field(default_factory=list)
    duplicates: list[RowProblem] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    columns: Columns | None = None
    unused_columns: int = 0  # of a list without headings


def derive_recipient_key(name: str | None, email: str | None) -> str:
    """Return what makes two recipients the same."""
    return fold_address(email) if email else f"name {unicodedata.normalize('NFKC', name or '').casefold()}"


def parse_recipients(text: str) -> RecipientList:
    """Read a pasted or uploaded list. Rows that cannot be read are problems; all others are kept."""
    rows = split_rows(text)
    columns = find_columns(rows)
    heading_line = next((row.line for row in rows if not row.problem), None) if columns else None
    recipients = RecipientList(columns=columns)
    line_by_key: dict[str, int] = {}
    for row in rows:
        if row.problem:
            recipients.problems.append(RowProblem(row.line, row.problem))
            continue
        if row.line == heading_line:
            continue
        for name, email in read_row(row, columns, recipients):
            add_recipient(recipients, line_by_key, row, name, email)
    return recipients


def add_recipient(recipients: RecipientList, line_by_key: dict[str, int], row: CsvRow, name: str, email: str) -> None:
    """Add a recipient, a duplicate or a problem."""
    try:
        recipient = build_recipient(name, email)
    except InvalidForm as error:
        recipients.problems.append(
            RowProblem(row.line, describe_errors(error.errors), ", ".join(filter(None, row.cells)))
        )
        return
    listed = ListedRecipient(row.line, recipient)
    if (earlier := line_by_key.setdefault(listed.key, row.line)) != row.line or is_repeated(recipients, listed):
        what = "address" if recipient.email else "name"
        recipients.duplicates.append(RowProblem(row.line, f"The same {what} stands in line {earlier}.", email or name))
        return
    recipients.recipients.append(listed)


def is_repeated(recipients: RecipientList, listed: ListedRecipient) -> bool:
    """Whether the same recipient stands twice in one line."""
    return any(earlier.key == listed.key for earlier in recipients.recipients[-100:] if earlier.line == listed.line)


def build_recipient(name: str, email: str) -> NewRecipient:
    """Build a recipient of a name and an address. Raises InvalidForm."""
    if not name and not email:
        raise InvalidForm({"form": "There is neither a name nor an address."})
    return validate_form(NewRecipient, {"name": name or None, "email": email or None})


def describe_errors(errors: Mapping[str, str]) -> str:
    """Describe what is wrong with a row in a sentence for each field."""
    return " ".join(f"{FIELD_LABELS[name]}: {text}" if name in FIELD_LABELS else text for name, text in errors.items())


def read_row(row: CsvRow, columns: Columns | None, recipients: RecipientList) -> Iterator[tuple[str, str]]:
    """Yield the name and address of each recipient of a row: several where a line has several addresses."""
    if columns:
        name, email_cell = columns.read_name(row), columns.read_email(row)
        name_in_email, email = split_address(email_cell) if "@" in email_cell else ("", email_cell)
        name_of_cell, email_of_cell = split_address(name)
        if email_of_cell and not email:  # "Grace <grace@example.com>" in the column of names
            name, email = name_of_cell, email_of_cell
        yield name or name_in_email, email
        return
    cells = list_cells(row)
    addresses = [cell for cell in cells if "@" in cell]
    if len(addresses) > 1:
        yield from (split_address(cell) for cell in cells)
        return
    name_in_email, email = split_address(addresses[0]) if addresses else ("", "")
    names = [cell for cell in cells if cell and "@" not in cell]
    recipients.unused_columns = max(recipients.unused_columns, len(names) - (0 if name_in_email else 1))
    yield name_in_email or next(iter(names), ""), email


def list_cells(row: CsvRow) -> Sequence[str]:
    """List the cells of a row without headings; what has an address and another separator is split by that one."""
    return [
        " ".join(part.split())
        for cell in row.cells
        for part in (SPLIT_ADDRESSES.split(cell) if "@" in cell and not NAMED_ADDRESS.fullmatch(cell) else [cell])
        if part.strip()
    ]


def split_address(cell: str) -> tuple[str, str]:
    """Split a cell such as `Grace Hopper <grace@example.com>` into name and address; either may be missing."""
    if "@" not in cell:
        return cell, ""
    match = NAMED_ADDRESS.fullmatch(cell)
    if match:
        return match.group(1).strip(), match.group(2)
    return "", cell.removeprefix("mailto:")
