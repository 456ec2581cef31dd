"""The service's connections: a pool with safe timeouts, and one recognised retry after the database was away."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic_core import from_json

from store.pool_connection import PooledConnection, Unreplicated
from store.schema import reporting_schema

TIMEOUTS = "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=10s -c timezone=UTC"
WARNINGS = "-c client_min_messages=warning"  # whatever a role or database says: see store.pool_connection
SILENCE = {  # over TCP, a server that says nothing at all is given up after about 25 s
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
POOL_WAIT_SECONDS = 5.0
AWAY_WAIT_SECONDS = 0.1  # once somebody has waited in vain, so that those who queue behind them are answered soon
# a commit of its own, where commits wait for standbys: it comes after all that could be read before it
AWAIT_STANDBYS = """
SELECT pg_logical_emit_message(true, 'oncelink', '') WHERE current_setting('synchronous_standby_names') <> ''
"""


class DatabaseAway(Exception):
    """The database or its standby does not answer, or the connection was lost: it may or may not have happened."""


class Database:
    """A schema of a PostgreSQL server, reached as the service's role through a bounded pool of connections."""

    def __init__(self, url: str, schema: str = "oncelink", pool_size: int = 10) -> None:
        self.url = url
        self.schema = schema
        self.reporting = reporting_schema(schema)
        self.away = False
        self.pool = ConnectionPool[PooledConnection](
            url,
            connection_class=PooledConnection,
            min_size=min(2, pool_size),
            max_size=pool_size,
            reconnect_timeout=1.0,
            open=False,
            configure=read_json_fast,
            kwargs=connection_settings(),
        )

    def open(self) -> "Database":
        """Starts the pool; connections are made in the background."""
        self.pool.open()
        return self

    def close(self) -> None:
        """Closes every connection."""
        self.pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection[DictRow]]:
        """A connection for a moment. Raises DatabaseAway when there is none or it was lost."""
        try:
            with self.pool.connection(AWAY_WAIT_SECONDS if self.away else POOL_WAIT_SECONDS) as connection:
                self.away = False
                yield connection
        except PoolTimeout as error:
            self.away = True
            raise DatabaseAway("no connection to the database became free") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, Unreplicated) as error:
            if is_lost(error):
                self.pool.check()
            raise DatabaseAway(str(error)) from error

    def rows(self, query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[DictRow]:
        """The rows of one read, asked a second time if the connection turns out to be gone. Raises DatabaseAway."""
        try:
            return self._rows(query, params)
        except DatabaseAway as away:
            if not is_lost(away.__cause__):
                raise
            return self._rows(query, params)

    def _rows(self, query: str, params: Sequence[Any] | Mapping[str, Any]) -> list[DictRow]:
        with self.connection() as connection:
            return connection.execute(self.text(query), params).fetchall()

    def await_standbys(self) -> None:
        """Returns when the synchronous standbys, if any, have all that was read before. Raises DatabaseAway."""
        self.rows(AWAIT_STANDBYS)

    def text(self, query: str) -> sql.Composed:
        """A statement with {schema} and {reporting} replaced by this database's quoted names."""
        return named(query, self.schema, self.reporting)

    def connect(self, **settings: Any) -> Connection[DictRow]:
        """A connection of its own, for somebody who keeps it: a listener, a leader. Raises psycopg.OperationalError."""
        connection = psycopg.connect(self.url, **{**connection_settings(), **settings})
        read_json_fast(connection)
        return connection


def read_json_fast(connection: Connection[DictRow]) -> None:
    """Lets JSON be read by Pydantic's parser, which takes a fifth of the time of Python's own."""
    set_json_loads(from_json, connection)


def connection_settings() -> dict[str, Any]:
    """How every connection of the service is made: autocommit, rows as dicts, timeouts as DESIGN asks for."""
    return {"autocommit": True, "row_factory": dict_row, "options": f"{TIMEOUTS} {WARNINGS}", **SILENCE}


def named(query: LiteralString, schema: str, reporting: str) -> sql.Composed:
    """A statement with its schema names filled in, quoted."""
    names = {"schema": sql.Identifier(schema), "reporting": sql.Identifier(reporting)}
    return sql.SQL(query).format(**names)


def is_lost(error: BaseException | None) -> bool:
    """Whether an error says that the connection itself is gone, not that the server refused something."""
    if isinstance(error, PoolTimeout):  # there was none: waiting for one again would only double the wait
        return False
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown | psycopg.InterfaceError):
        return True
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None
