"""Queries over the names of the read models, run on their live tables or on the log itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from re import search
from typing import Any, Generic
from uuid import UUID

from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from domain.refusals import ReadModelBehind
from projections.queries.pagination import MAX_ROWS, Order, Page, Row, Sort
from projections.read_model import ReadModel
from projections.table_lookup import LiveTable, find_live_tables
from store.database import Database, fill_schema_names

MISSING_COLUMNS = """
SELECT wanted.name FROM unnest(%(names)s::text[], %(types)s::text[]) AS wanted (name, type)
WHERE NOT EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))
    AND a.attname = wanted.name AND a.atttypid = to_regtype(wanted.type) AND NOT a.attisdropped
)
"""


@dataclass(frozen=True, slots=True)
class QuerySource:
    """Where queries read from: the live tables, or the log, as it is now or as it was at a position."""

    db: Database
    models: tuple[ReadModel, ...]
    reads_log: bool = False
    until: int | None = None

    def fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None = None) -> list[DictRow]:
        """The rows of a query, instants in UTC. Raises DatabaseAway.

        The names of live tables are read for each query, in a statement of its own. A rebuild may switch the tables
        and drop the old ones between the two statements; then both are repeated once.
        """
        try:
            return self._fetch_rows(query, params, prepare)
        except UndefinedTable:
            return self._fetch_rows(query, params, prepare)

    def _fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None) -> list[DictRow]:
        statement_text = compile_statement(
            self.db.schema, self.db.reporting, build_query(query, self.resolve_tables(query))
        )
        with self.db.acquire_connection() as connection:
            rows = connection.execute(statement_text, {**params, "log_until": self.until}, prepare=prepare)
            return [to_utc(row) for row in rows]

    def resolve_tables(self, query: str) -> tuple[tuple[str, str], ...]:
        """The read models that a query names, each with the SELECT that stands for it here.

        A live table of another version is used as long as it has the columns. Raises ReadModelBehind.
        """
        used_models = [model for model in self.models if search(rf"\b{model.name}\b", query)]
        if self.reads_log:
            return tuple((model.name, model.build_fold_query(until=self.until is not None)) for model in used_models)
        live_tables = find_live_tables(self.db.fetch_rows)
        return tuple(
            (model.name, select_table_rows(model, self.require_readable_table(model, live_tables.get(model.name))))
            for model in used_models
        )

    def find_live_table(self, model: ReadModel) -> str:
        """The name of a live table, for statements on its rows. Raises ReadModelBehind, DatabaseAway."""
        return self.require_readable_table(model, find_live_tables(self.db.fetch_rows).get(model.name))

    def require_readable_table(self, model: ReadModel, live_table: LiveTable | None) -> str:
        """The name of the live table, if it has the columns that this program reads. Raises ReadModelBehind."""
        if live_table is None:
            raise ReadModelBehind
        if live_table.version != model.version:
            columns = {"names": list(model.types), "types": list(model.types.values())}
            if self.db.fetch_rows(MISSING_COLUMNS, {**columns, "schema": self.db.schema, "table": live_table.table}):
                raise ReadModelBehind
        return live_table.table


@dataclass(frozen=True, slots=True)
class WhereClause:
    """Conditions that all hold, with their parameters."""

    conditions: tuple[str, ...]
    params: dict[str, Any]

    @classmethod
    def from_filters(cls, filters: Mapping[str, str], params: Mapping[str, Any]) -> "WhereClause":
        """The conditions of the filters whose value is neither None nor False."""
        return cls(tuple(filters[name] for name in filters if params[name] not in (None, False)), dict(params))

    def add_conditions(self, conditions: Sequence[str], params: Mapping[str, Any]) -> "WhereClause":
        """A new clause with more conditions."""
        return WhereClause((*self.conditions, *conditions), {**self.params, **params})


NO_CONDITIONS = WhereClause((), {})


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """How a read model is listed: columns, FROM, unique key, sorts, and the function that makes a row."""

    columns: str
    relation: str
    key: str
    sorts: Mapping[str, Sort]
    to_row: Callable[[DictRow], Row]

    def find_rows(self, source: QuerySource, condition: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows that meet a condition, in no order."""
        query = f"SELECT {self.columns} FROM {self.relation} WHERE {condition}"
        return [self.to_row(row) for row in source.fetch_rows(query, params)]

    def find_by_id(self, source: QuerySource, id: UUID, where: WhereClause = NO_CONDITIONS) -> Row | None:
        """The row of an id, if it meets all conditions; None when there is none."""
        where = where.add_conditions([f"{self.key} = %(id)s"], {"id": id})
        return next(iter(self.find_rows(source, " AND ".join(where.conditions), where.params)), None)

    def find_by_ids(self, source: QuerySource, ids: Sequence[UUID], where: WhereClause = NO_CONDITIONS) -> list[Row]:
        """The rows of these ids that meet all conditions, in the order of the ids. Unknown ids are left out."""
        if not ids:
            return []
        where = where.add_conditions([f"{self.key} = ANY(%(ids)s)"], {"ids": list(ids)})
        query = (
            f"SELECT {self.columns}, {self.key} AS sort_key FROM {self.relation} WHERE {' AND '.join(where.conditions)}"
        )
        rows_by_id = {row["sort_key"]: row for row in source.fetch_rows(query, where.params)}
        return [self.to_row(remove_sort_columns(rows_by_id[id])) for id in ids if id in rows_by_id]

    def fetch_page(
        self, source: QuerySource, where: WhereClause, sort: str, limit: int = 50, cursor: str | None = None
    ) -> Page[Row]:
        """One page of the rows that meet all conditions. Raises Invalid for an unknown sort or a foreign cursor."""
        order = read_order = Order.from_name(sort, self.sorts, self.key)
        limit = max(1, min(limit, MAX_ROWS))
        conditions, params = [*where.conditions], {**where.params, "limit": limit + 1}
        if cursor is not None:
            read_order, cursor_params = order.decode_cursor(cursor)
            conditions.append(read_order.after_condition)
            params.update(cursor_params)
        rows = source.fetch_rows(self.build_page_query(read_order, conditions), params, prepare=False)
        page_rows, has_more = rows[:limit], len(rows) > limit
        if read_order is not order:
            page_rows.reverse()
        next_cursor = (
            order.encode_cursor(page_rows[-1]) if page_rows and (has_more or read_order is not order) else None
        )
        previous_cursor = (
            order.encode_cursor(page_rows[0], before=True)
            if page_rows and cursor and (has_more or read_order is order)
            else None
        )
        return Page([self.to_row(remove_sort_columns(row)) for row in page_rows], next_cursor, previous_cursor)

    def build_page_query(self, order: Order, conditions: Sequence[str]) -> str:
        """The query of one page; it reads one row more than the limit."""
        return (
            f"SELECT {self.columns}, {order.sort.expression} AS sort_value, {self.key} AS sort_key "
            f"FROM {self.relation} WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order.order_by} LIMIT %(limit)s"
        )


def remove_sort_columns(row: DictRow) -> DictRow:
    """A record without the columns that are only for the cursor."""
    return {name: value for name, value in row.items() if not name.startswith("sort_")}


def iterate_pages(fetch_page: Callable[[str | None], Page[Row]]) -> Iterator[Row]:
    """Every row of a list, read page after page, so that no database cursor stays open."""
    cursor: str | None = None
    while True:
        current_page = fetch_page(cursor)
        yield from current_page.items
        cursor = current_page.next_cursor
        if cursor is None:
            return


def select_table_rows(model: ReadModel, table: str) -> str:
    """SQL: a read model's rows from one of its tables, columns listed by name."""
    return f'SELECT {model.columns} FROM {{schema}}."{table}"'


@lru_cache(maxsize=512)
def build_query(query: str, tables: tuple[tuple[str, str], ...]) -> str:
    """SQL: a query with a common table expression for each read model that it names."""
    ctes = ", ".join(f"{name} AS NOT MATERIALIZED ({rows})" for name, rows in tables)
    return f"WITH {ctes} {query}" if ctes else query


@lru_cache(maxsize=512)
def compile_statement(schema: str, reporting: str, text: str) -> bytes:
    """The final text of a statement, with the names of the schemas filled in."""
    return fill_schema_names(text, schema, reporting).as_bytes(None)


def to_utc(row: DictRow) -> DictRow:
    """A row with its instants in UTC, whatever the session's time zone is."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
