"""The kinds of columns that a field of a row type can be: what each adds to the table, SELECT, rows and view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from psycopg.rows import DictRow
from typing_extensions import is_typeddict

from projections.queries.name_lookups import Named, NameSource, look_up_details, to_named, to_named_or_none

SQL_TYPES = {UUID: "uuid", Named: "uuid", list[Named]: "uuid[]", datetime: "timestamptz", int: "int", bool: "boolean"}
NAMES_OF_PEOPLE = """ARRAY(SELECT p.name FROM unnest({ids}) WITH ORDINALITY AS h(id, n)
    LEFT JOIN people AS p ON p.person_id = h.id ORDER BY h.n)"""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of the table: its name, the rest of its DDL, and the SQL that folds it."""

    name: str
    type: str
    fold: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """A column of the table, an expression of the SELECT or a join of the view that is no field of rows.

    `selected` are the expressions, `join` is the view's join. Without a `type`, the table has no such column.
    """

    name: str
    type: str = ""
    fold: str = ""
    before: str | None = None
    selected: tuple[str, ...] = ()
    join: str = ""

    def list_stored(self) -> list[StoredColumn]:
        """The column of the table."""
        return [StoredColumn(self.name, self.type, self.fold)] if self.type else []

    def list_selected(self) -> tuple[str, ...]:
        """The expressions of the SELECT."""
        return self.selected

    def list_joins(self) -> list[str]:
        """The joins of the view."""
        return [self.join] if self.join else []


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """What a field's annotation says; each kind says what it adds, which is nothing here."""

    before: str | None = field(default=None, kw_only=True)

    def list_stored(self, field: "Field") -> list[StoredColumn]:
        """The columns of the table."""
        return []

    def list_selected(self, field: "Field") -> list[str]:
        """The expressions of the SELECT."""
        return []

    def build_reader(self, field: "Field") -> Callable[[DictRow], Any]:
        """The function that reads the field from a record of the SELECT."""
        return lambda record: record[field.name]

    def list_view_columns(self, field: "Field") -> Mapping[str, str]:
        """The columns of the view, each with its SQL."""
        return {}

    def list_joins(self, field: "Field") -> list[str]:
        """The joins of the view."""
        return []


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row type: its type without None, whether it can be None, its kind, and its read model's alias."""

    name: str
    type: Any
    is_optional: bool
    kind: ColumnKind
    alias: str

    @property
    def before(self) -> str | None:
        """The entry that it stands before in the table and in rows."""
        return self.kind.before

    def list_stored(self) -> list[StoredColumn]:
        """The columns of the table."""
        return self.kind.list_stored(self)

    def list_selected(self) -> list[str]:
        """The expressions of the SELECT."""
        return self.kind.list_selected(self)

    def list_joins(self) -> list[str]:
        """The joins of the view."""
        return self.kind.list_joins(self)

    def build_stored(self, name: str, fold: str) -> StoredColumn:
        """The column of the table, with the type that follows from the field's."""
        is_text = self.type is str or get_origin(self.type) is Literal
        type = "text" if is_text else SQL_TYPES.get(self.type, "jsonb")
        return StoredColumn(name, type if self.is_optional else f"{type} NOT NULL", fold)


@dataclass(frozen=True, slots=True)
class Column(ColumnKind):
    """A column of the table, copied into rows. `name` is the column's, where it is not that of the field."""

    fold: str
    name: str = ""

    def list_stored(self, field: Field) -> list[StoredColumn]:
        return [field.build_stored(self.name or field.name, self.fold)]

    def list_selected(self, field: Field) -> list[str]:
        return [f"{field.alias}.{self.name or field.name} AS {field.name}"]

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        name = self.name or field.name
        return {name: f"{field.alias}.{name}"}


@dataclass(frozen=True, slots=True)
class Computed(ColumnKind):
    """SQL over the read model, the same in the SELECT and in the view; `%(now)s` is the instant of the query."""

    sql: str

    def list_selected(self, field: Field) -> list[str]:
        return [f"{self.sql} AS {field.name}"]

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        return {field.name: self.sql.replace("%(now)s", "now()")}


@dataclass(frozen=True, slots=True)
class Composed(ColumnKind):
    """A field that Python reads from other columns; `view` is its SQL in the view, by column, if it is there."""

    read: Callable[[DictRow], Any]
    view: Mapping[str, str] = field(default_factory=dict)

    def build_reader(self, field: Field) -> Callable[[DictRow], Any]:
        return self.read

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        return {name: sql.replace("%(now)s", "now()") for name, sql in self.view.items()}


@dataclass(frozen=True, slots=True)
class Reference(ColumnKind):
    """A thing, or a list of people, by id and current name.

    `fold` fills the column of ids, `column` is its name where it is not that of the field with `_id` or `_ids`. `ids`
    is the SQL of the id or ids where they are not a column of their own.
    """

    source: NameSource
    fold: str = ""
    column: str = ""
    ids: str = ""

    def list_stored(self, field: Field) -> list[StoredColumn]:
        return [field.build_stored(self.get_column(field), self.fold)] if self.fold else []

    def list_selected(self, field: Field) -> list[str]:
        ids = self.get_ids(field)
        look_up = self.source.look_up_each if field.type == list[Named] else self.source.look_up
        return [f"{look_up(ids)} AS {field.name}"]

    def build_reader(self, field: Field) -> Callable[[DictRow], Any]:
        if field.type == list[Named]:
            return lambda record: [to_named(value) for value in record[field.name]]
        to_value = to_named_or_none if field.is_optional else to_named
        return lambda record: to_value(record[field.name])

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        ids = self.get_ids(field)
        if field.type == list[Named]:
            name = field.name.removesuffix("s")
            return {f"{name}_ids": ids, f"{name}_names": NAMES_OF_PEOPLE.format(ids=ids)}
        return {f"{field.name}_id": ids, f"{field.name}_name": f"{field.name}.name"}

    def list_joins(self, field: Field) -> list[str]:
        if field.type == list[Named]:
            return []
        condition = f"{field.name}.{self.source.key} = {self.get_ids(field)}"
        return [f"LEFT JOIN {self.source.relation} AS {field.name} ON {condition}"]

    def get_column(self, field: Field) -> str:
        """The name of the column of ids."""
        return self.column or (
            f"{field.name.removesuffix('s')}_ids" if field.type == list[Named] else f"{field.name}_id"
        )

    def get_ids(self, field: Field) -> str:
        """SQL: the id or ids."""
        return self.ids or f"{field.alias}.{self.get_column(field)}"


@dataclass(frozen=True, slots=True)
class Details:
    """The id of personal details in the table. The SELECT and the view find the details by it, null once erased."""

    column: str
    fold: str
    alias: str

    @property
    def name(self) -> str:
        """What the details are called in the SELECT and in the view."""
        return self.column.removesuffix("_id")

    @property
    def id(self) -> str:
        """SQL: the id."""
        return f"{self.alias}.{self.column}"

    def build_hidden(self, before: str) -> Hidden:
        """The column, before another one of the table."""
        join = f"LEFT JOIN {{schema}}.personal_details AS {self.name} ON {self.name}.id = {self.id}"
        selected = (self.id, f"{look_up_details(self.id)} AS {self.name}")
        return Hidden(self.column, "uuid", self.fold, before, selected, join)


@dataclass(frozen=True, slots=True)
class Detail(ColumnKind):
    """A key of personal details."""

    details: Details
    key: str

    def build_reader(self, field: Field) -> Callable[[DictRow], Any]:
        if not field.is_optional:  # metadata and answers are never absent
            empty_type = get_origin(field.type) or field.type
            return lambda record: (record[self.details.name] or {}).get(self.key) or empty_type()
        return lambda record: (record[self.details.name] or {}).get(self.key)

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        data = f"{self.details.name}.data"
        if is_typeddict(field.type):
            keys = get_type_hints(field.type)
            return {f"{field.name}_{key}": f"{data} -> '{self.key}' ->> '{key}'" for key in keys}
        return {field.name: f"{data} {'->>' if field.type is str else '->'} '{self.key}'"}


@dataclass(frozen=True, slots=True)
class Erased(ColumnKind):
    """Whether personal details that the row refers to were erased."""

    details: tuple[Details, ...]

    def build_reader(self, field: Field) -> Callable[[DictRow], Any]:
        return lambda record: any(
            record[details.column] is not None and record[details.name] is None for details in self.details
        )

    def list_view_columns(self, field: Field) -> Mapping[str, str]:
        conditions = (f"({details.id} IS NOT NULL AND {details.name}.id IS NULL)" for details in self.details)
        return {field.name: " OR ".join(conditions)}


def unwrap_optional(hint: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was one of its choices."""
    if get_origin(hint) not in (Union, UnionType) or type(None) not in get_args(hint):
        return hint, False
    [inner] = (choice for choice in get_args(hint) if choice is not type(None))
    return inner, True
