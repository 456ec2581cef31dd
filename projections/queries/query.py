"""A question: plain SQL over the names of the read models, asked of their live tables or of the log itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from re import search
from typing import Any, Generic

from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from domain.refusals import ReadModelBehind
from projections.queries.pagination import MOST_ROWS, Order, Page, Row, Sort
from projections.read_model import ReadModel
from store.database import Database, named

LIVE_TABLES = "SELECT name, version, live_table FROM {schema}.read_models"
LACKING = """
SELECT wanted.name FROM unnest(%(names)s::text[], %(types)s::text[]) AS wanted (name, type)
WHERE NOT EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))
    AND a.attname = wanted.name AND a.atttypid = to_regtype(wanted.type) AND NOT a.attisdropped
)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a question is asked: the live tables, or the log, as it is now or as it stood at a position."""

    db: Database
    models: tuple[ReadModel, ...]
    log: bool = False
    until: int | None = None

    def rows(self, question: str, params: Mapping[str, Any], prepare: bool | None = None) -> list[DictRow]:
        """The rows of a question, instants in UTC. Raises DatabaseAway.

        Names of live tables are read anew for each question, in a statement of its own: a rebuild may have switched
        them, and then dropped the old one between the two statements, so that is tried again.
        """
        try:
            return self._rows(question, params, prepare)
        except UndefinedTable:
            return self._rows(question, params, prepare)

    def _rows(self, question: str, params: Mapping[str, Any], prepare: bool | None) -> list[DictRow]:
        text = statement(self.db.schema, self.db.reporting, asked(question, self.tables(question)))
        with self.db.connection() as connection:
            rows = connection.execute(text, {**params, "log_until": self.until}, prepare=prepare)
            return [in_utc(row) for row in rows]

    def tables(self, question: str) -> tuple[tuple[str, str], ...]:
        """The read models that a question names, each with the SELECT that stands for it here.

        While another version of one is live, that one is asked as long as it has the columns. Raises ReadModelBehind.
        """
        used = [model for model in self.models if search(rf"\b{model.name}\b", question)]
        if self.log:
            return tuple((model.name, model.fold(until=self.until is not None)) for model in used)
        tables = {row["name"]: row for row in self.db.rows(LIVE_TABLES)}
        return tuple((model.name, table_rows(model, self.readable(model, tables.get(model.name)))) for model in used)

    def live_table(self, model: ReadModel) -> str:
        """The name of a live table, for what has to be done to its very rows. Raises ReadModelBehind, DatabaseAway."""
        return self.readable(model, next((row for row in self.db.rows(LIVE_TABLES) if row["name"] == model.name), None))

    def readable(self, model: ReadModel, live: DictRow | None) -> str:
        """The live table, if it has the columns that this program reads. Raises ReadModelBehind."""
        if live is None:
            raise ReadModelBehind
        if live["version"] != model.version:
            wanted = {"names": list(model.types), "types": list(model.types.values())}
            if self.db.rows(LACKING, {**wanted, "schema": self.db.schema, "table": live["live_table"]}):
                raise ReadModelBehind
        return str(live["live_table"])


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """How a read model is listed: columns, FROM, the key that tells rows apart, the orders, and a record's shape."""

    columns: str
    relation: str
    key: str
    sorts: Mapping[str, Sort]
    shape: Callable[[DictRow], Row]

    def where(self, source: Source, condition: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows that meet a condition, in no order."""
        question = f"SELECT {self.columns} FROM {self.relation} WHERE {condition}"
        return [self.shape(row) for row in source.rows(question, params)]

    def one(self, source: Source, condition: str, params: Mapping[str, Any]) -> Row | None:
        """The row that meets a condition, or None."""
        return next(iter(self.where(source, condition, params)), None)

    def page(self, source: Source, where: "Where", sort: str, limit: int = 50, cursor: str | None = None) -> Page[Row]:
        """One page of the rows that meet all conditions. Raises Invalid for an unknown sort or a foreign cursor."""
        order = reading = Order.named(sort, self.sorts, self.key)
        limit = max(1, min(limit, MOST_ROWS))
        conditions, params = [*where.conditions], {**where.params, "limit": limit + 1}
        if cursor is not None:
            reading, beyond = order.beyond_cursor(cursor)
            conditions.append(reading.beyond)
            params.update(beyond)
        rows = source.rows(self.question(reading, conditions), params, prepare=False)
        found, more = rows[:limit], len(rows) > limit
        if reading is not order:
            found.reverse()
        after = order.cursor(found[-1]) if found and (more or reading is not order) else None
        before = order.cursor(found[0], before=True) if found and cursor and (more or reading is order) else None
        return Page([self.shape(without_sort(row)) for row in found], after, before)

    def question(self, order: Order, conditions: Sequence[str]) -> str:
        """The question for one page, a row more than asked for."""
        return (
            f"SELECT {self.columns}, {order.sort.expression} AS sort_value, {self.key} AS sort_key "
            f"FROM {self.relation} WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order.by} LIMIT %(limit)s"
        )


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that all hold, with their parameters."""

    conditions: tuple[str, ...]
    params: dict[str, Any]

    @classmethod
    def given(cls, meanings: Mapping[str, str], params: Mapping[str, Any]) -> "Where":
        """The conditions of those filters that are given: neither None nor False."""
        return cls(tuple(meanings[name] for name in meanings if params[name] not in (None, False)), dict(params))

    def also(self, conditions: Sequence[str], params: Mapping[str, Any]) -> "Where":
        """These conditions and more."""
        return Where((*self.conditions, *conditions), {**self.params, **params})


def without_sort(row: DictRow) -> DictRow:
    """A record without what only the cursor is made of."""
    return {name: value for name, value in row.items() if not name.startswith("sort_")}


def all_pages(page: Callable[[str | None], Page[Row]]) -> Iterator[Row]:
    """Every row of a list, read page after page, so that no cursor stays open."""
    cursor: str | None = None
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return


def table_rows(model: ReadModel, table: str) -> str:
    """A read model's rows from one of its tables, columns named."""
    return f'SELECT {model.columns} FROM {{schema}}."{table}"'


@lru_cache(maxsize=512)
def asked(question: str, tables: tuple[tuple[str, str], ...]) -> str:
    """A question with what its names stand for."""
    ctes = ", ".join(f"{name} AS NOT MATERIALIZED ({rows})" for name, rows in tables)
    return f"WITH {ctes} {question}" if ctes else question


@lru_cache(maxsize=512)
def statement(schema: str, reporting: str, text: str) -> bytes:
    """A statement's final text."""
    return named(text, schema, reporting).as_bytes(None)


def in_utc(row: DictRow) -> DictRow:
    """A row with its instants said in UTC, whatever the session's time zone is."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
