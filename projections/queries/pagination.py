"""Pages of a list: keyset sorts, and the opaque cursors of the next and previous page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from domain.refusals import Invalid

Row = TypeVar("Row")

MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, with the cursors of the next and the previous page; None where there is none."""

    items: list[Row]
    next_cursor: str | None
    previous_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of a list: the SQL expression to order by (never null), and the type of its values."""

    expression: str
    type: Literal["timestamptz", "text"]

    def parse_value(self, value: object) -> object:
        """A cursor's value as a query parameter. Raises ValueError or TypeError."""
        if not isinstance(value, str):
            raise TypeError
        value.encode()  # half of a surrogate pair is no text
        if "\0" in value:
            raise ValueError("PostgreSQL has no text with U+0000 in it")
        return datetime.fromisoformat(value) if self.type == "timestamptz" else value


@dataclass(frozen=True, slots=True)
class Order:
    """A sort by its public name, a leading `-` for descending, with the unique key that breaks ties."""

    name: str
    sort: Sort
    key: str

    @classmethod
    def from_name(cls, name: str, sorts: Mapping[str, Sort], key: str) -> "Order":
        """The order of that name. Raises Invalid."""
        if name.removeprefix("-") not in sorts:
            raise Invalid("sort", "There is no such order.")
        return cls(name, sorts[name.removeprefix("-")], key)

    @property
    def order_by(self) -> str:
        """The ORDER BY expressions."""
        direction = "DESC" if self.name.startswith("-") else "ASC"
        return f"{self.sort.expression} {direction}, {self.key} {direction}"

    @property
    def after_condition(self) -> str:
        """The condition on the rows after a cursor."""
        sign = "<" if self.name.startswith("-") else ">"
        return f"({self.sort.expression}, {self.key}) {sign} (%(after_value)s::{self.sort.type}, %(after_key)s::uuid)"

    @property
    def reversed_order(self) -> "Order":
        """The same order, reversed."""
        name = self.name.removeprefix("-") if self.name.startswith("-") else f"-{self.name}"
        return Order(name, self.sort, self.key)

    def encode_cursor(self, record: Mapping[str, Any], before: bool = False) -> str:
        """The cursor of the page after a record, or before it. Reads its `sort_value` and `sort_key`."""
        value = record["sort_value"]
        text = value.isoformat() if isinstance(value, datetime) else value
        values = [self.name, text, str(record["sort_key"]), *(["before"] if before else [])]
        return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    def decode_cursor(self, cursor: str) -> tuple["Order", dict[str, object]]:
        """The order to read in, reversed for a previous page, and the parameters of its `after_condition`.

        Raises Invalid for a cursor that is malformed or of another order.
        """
        try:
            name, value, key, *before = json.loads(
                urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            )
            if name != self.name or before not in ([], ["before"]):
                raise ValueError("of another order")
            params: dict[str, object] = {"after_value": self.sort.parse_value(value), "after_key": UUID(key)}
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Invalid("cursor", "This cursor does not belong to this list.") from error
        return (self.reversed_order if before else self), params
