"""Pages of a list: keyset sorts, and the opaque cursor that says where the next page begins."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from domain.refusals import Invalid

Row = TypeVar("Row")

MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursors of the next page and of the one before; None where there is none."""

    items: list[Row]
    next_cursor: str | None
    previous_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of a list: the SQL expression that leads it (never null), and the type of its values."""

    expression: str
    type: Literal["timestamptz", "text"]

    def read(self, value: object) -> object:
        """A cursor's value as the parameter it was. Raises ValueError or TypeError."""
        if not isinstance(value, str):
            raise TypeError
        value.encode()  # half of a surrogate pair is no text
        if "\0" in value:
            raise ValueError("PostgreSQL has no text with U+0000 in it")
        return datetime.fromisoformat(value) if self.type == "timestamptz" else value


@dataclass(frozen=True, slots=True)
class Order:
    """A sort by its public name, a leading `-` for descending, with the key to tell equal values apart."""

    name: str
    sort: Sort
    key: str

    @classmethod
    def named(cls, name: str, sorts: Mapping[str, Sort], key: str) -> "Order":
        """The order of that name. Raises Invalid."""
        if name.removeprefix("-") not in sorts:
            raise Invalid("sort", "There is no such order.")
        return cls(name, sorts[name.removeprefix("-")], key)

    @property
    def by(self) -> str:
        """What to order by."""
        direction = "DESC" if self.name.startswith("-") else "ASC"
        return f"{self.sort.expression} {direction}, {self.key} {direction}"

    @property
    def beyond(self) -> str:
        """The condition on rows of the pages after a cursor."""
        sign = "<" if self.name.startswith("-") else ">"
        return f"({self.sort.expression}, {self.key}) {sign} (%(after_value)s::{self.sort.type}, %(after_key)s::uuid)"

    @property
    def turned(self) -> "Order":
        """The same order from its end."""
        name = self.name.removeprefix("-") if self.name.startswith("-") else f"-{self.name}"
        return Order(name, self.sort, self.key)

    def cursor(self, record: Mapping[str, Any], before: bool = False) -> str:
        """The cursor of the page that begins after a record, by its `sort_value` and `sort_key`, or ends before it."""
        value = record["sort_value"]
        text = value.isoformat() if isinstance(value, datetime) else value
        said = [self.name, text, str(record["sort_key"]), *(["before"] if before else [])]
        return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    def beyond_cursor(self, cursor: str) -> tuple["Order", dict[str, object]]:
        """The order to read in, turned for a page before, and the parameters of its `beyond`.

        Raises Invalid for a cursor that is malformed or of another order.
        """
        try:
            name, value, key, *before = json.loads(
                urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            )
            if name != self.name or before not in ([], ["before"]):
                raise ValueError("of another order")
            params: dict[str, object] = {"after_value": self.sort.read(value), "after_key": UUID(key)}
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Invalid("cursor", "This cursor does not belong to this list.") from error
        return (self.turned if before else self), params
