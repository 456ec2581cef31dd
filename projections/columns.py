"""The columns of a read model, each defined once: a field of its row type, annotated with its SQL.

The table, the fold, the SELECT, the rows, the flat names and the reporting view are derived from the fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, get_args, get_origin, get_type_hints

from psycopg.rows import DictRow
from typing_extensions import is_typeddict

from projections.column_kinds import Column, ColumnKind, Field, Hidden, unwrap_optional
from projections.queries.pagination import Row


@dataclass(frozen=True)
class Columns(Generic[Row]):
    """The columns of a read model: the fields of a row type, and those of the table that no row has.

    `alias` names the read model in queries, `key` is the column that holds the stream's id. A field or hidden column
    with `before` stands before that one in the table and in rows. With `copied_first`, rows begin with the fields that
    are copied from the table.
    """

    row_type: type[Row]
    alias: str
    key: str
    hidden: tuple[Hidden, ...] = field(default=(), kw_only=True)
    copied_first: bool = field(default=False, kw_only=True)

    @cached_property
    def entries(self) -> list[Field | Hidden]:
        """The fields and hidden columns, in the order of the table."""
        entries: list[Field | Hidden] = [*list_fields(self.row_type, self.alias), *self.hidden]
        arranged = [entry for entry in entries if entry.before is None]
        for entry in entries:
            if entry.before is not None:
                arranged.insert([other.name for other in arranged].index(entry.before), entry)
        return arranged

    @cached_property
    def fields(self) -> list[Field]:
        """The fields, in the order of rows."""
        fields = [entry for entry in self.entries if isinstance(entry, Field)]
        return sorted(fields, key=lambda field: self.copied_first and not isinstance(field.kind, Column))

    @cached_property
    def readers(self) -> dict[str, Callable[[DictRow], Any]]:
        """For each field of a row, the function that reads it from a record."""
        return {field.name: field.kind.build_reader(field) for field in self.fields}

    @property
    def table(self) -> str:
        """The columns' DDL."""
        return ", ".join(
            f"{column.name} {'uuid PRIMARY KEY' if column.name == self.key else column.type}"
            for entry in self.entries
            for column in entry.list_stored()
        )

    @property
    def fold(self) -> str:
        """SQL: the columns of the fold, over what its inner query aggregates from a stream."""
        return ", ".join(f"{column.fold} AS {column.name}" for entry in self.entries for column in entry.list_stored())

    @property
    def select(self) -> str:
        """SQL: the columns that a row is read from."""
        return ", ".join(expression for entry in self.entries for expression in entry.list_selected())

    def read_row(self, record: DictRow) -> Row:
        """A record of the SELECT as a row."""
        row: Any = {name: read(record) for name, read in self.readers.items()}
        return row  # type: ignore[no-any-return]

    def build_view(self, public_type: type[Any], relation: str) -> str:
        """SQL: the reporting view, with the fields that the public row type has, over the read model `relation`."""
        public = list_fields(public_type, self.alias)
        columns = [f"{sql} AS {name}" for field in public for name, sql in field.kind.list_view_columns(field).items()]
        entries: list[Field | Hidden] = [*public, *self.hidden]
        joins = [join for entry in entries for join in entry.list_joins()]
        return f"SELECT {', '.join(columns)} FROM {relation} AS {self.alias} {' '.join(joins)}"


def list_fields(row_type: type[Any], alias: str) -> list[Field]:
    """The fields of a row type, in its order. Raises TypeError for a field without a definition."""
    return [build_field(name, hint, alias) for name, hint in get_type_hints(row_type, include_extras=True).items()]


def build_field(name: str, hint: Any, alias: str) -> Field:
    """A field by its type hint. Raises TypeError when its annotation defines no column."""
    kinds = [metadata for metadata in get_args(hint)[1:] if isinstance(metadata, ColumnKind)]
    if get_origin(hint) is not Annotated or len(kinds) != 1:
        raise TypeError(f"The field {name} needs one definition of its column.")
    return Field(name, *unwrap_optional(get_args(hint)[0]), kinds[0], alias)


def list_flat_types(row_type: type[Any]) -> Mapping[str, Any]:
    """The names of a row type's fields without nesting, each with its Python type.

    `link` becomes `link_id` and `link_name`; of a list of things only the names stay, as one text. Metadata and answers
    are one text, in JSON.
    """
    flat: dict[str, Any] = {}
    for name, hint in get_type_hints(row_type).items():
        type, _ = unwrap_optional(hint)
        if is_typeddict(type):
            flat |= {f"{name}_{key}": unwrap_optional(inner)[0] for key, inner in get_type_hints(type).items()}
        else:
            flat[name] = str if get_origin(type) in (list, dict) else type
    return flat
