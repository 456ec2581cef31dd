"""The service's connections: a pool with timeouts, and one retry of reads after a lost connection."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import local
from time import monotonic
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic_core import from_json

from store.connection_names import Role, build_connection_name
from store.pool_connection import PooledConnection, Unreplicated
from store.schema import get_reporting_schema

TIMEOUT_OPTIONS = (
    "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=10s -c timezone=UTC"
)
WARNINGS = "-c client_min_messages=warning"  # whatever the role or database sets: see store.pool_connection
KEEPALIVE_SETTINGS = {  # over TCP, a server that says nothing at all is given up after about 25 s
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
POOL_WAIT_SECONDS = 5.0
DISK_FULL_SECONDS = 60.0  # how long one refusal counts: nothing asks again meanwhile, where no traffic comes
AWAY_WAIT_SECONDS = 0.1  # after one failed wait, so that queued requests are answered soon
# where commits wait for standbys: a commit of its own, which comes after everything that was read before
AWAIT_STANDBYS = """
SELECT pg_logical_emit_message(true, 'oncelink', '') WHERE current_setting('synchronous_standby_names') <> ''
"""


class DatabaseAway(Exception):
    """The database or its standby does not answer, or the connection was lost: the statement may have run or not."""


class Database:
    """A schema of a PostgreSQL server, reached as the service's role through a bounded pool of connections."""

    def __init__(self, url: str, schema: str = "oncelink", pool_size: int = 10, role: Role = "command") -> None:
        self.url = url
        self.role = role
        self.schema = schema
        self.reporting = get_reporting_schema(schema)
        self.is_away = False
        self.disk_full_at: float | None = None
        self.thread_state = local()
        self.pool = ConnectionPool[PooledConnection](
            url,
            connection_class=PooledConnection,
            min_size=min(2, pool_size),
            max_size=pool_size,
            reconnect_timeout=1.0,
            open=False,
            configure=use_fast_json,
            kwargs=self.build_connection_settings(role),
        )

    def open(self) -> "Database":
        """Starts the pool; connections are made in the background."""
        self.pool.open()
        return self

    def close(self) -> None:
        """Closes every connection."""
        self.pool.close()

    @contextmanager
    def hold_connection(self) -> Iterator[Connection[DictRow]]:
        """Yields a connection of the pool, which is this thread's only one until the end. Raises DatabaseAway."""
        with self.acquire_connection() as connection:
            self.thread_state.connection = connection
            try:
                yield connection
            finally:
                self.thread_state.connection = None

    @contextmanager
    def acquire_connection(self) -> Iterator[Connection[DictRow]]:
        """Yields a connection of the pool. Raises DatabaseAway when there is none or it is lost."""
        if (connection := getattr(self.thread_state, "connection", None)) is not None:
            yield connection
            return
        try:
            with self.pool.connection(AWAY_WAIT_SECONDS if self.is_away else POOL_WAIT_SECONDS) as connection:
                self.is_away = False
                yield connection
        except PoolTimeout as error:
            self.is_away = True
            raise DatabaseAway("no connection to the database became free") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, Unreplicated) as error:
            self.record_error(error)
            if is_connection_lost(error):
                self.pool.check()
            raise DatabaseAway(str(error)) from error

    def fetch_rows(self, query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[DictRow]:
        """Returns the rows of a statement. It is sent again once if the connection is lost. Raises DatabaseAway."""
        try:
            return self._fetch_rows(query, params)
        except DatabaseAway as error:
            if not is_connection_lost(error.__cause__):
                raise
            return self._fetch_rows(query, params)

    def _fetch_rows(self, query: str, params: Sequence[Any] | Mapping[str, Any]) -> list[DictRow]:
        with self.acquire_connection() as connection:
            return connection.execute(self.compose_query(query), params).fetchall()

    def await_standbys(self) -> None:
        """Returns when the synchronous standbys, if any, have all that was read before. Raises DatabaseAway."""
        self.fetch_rows(AWAIT_STANDBYS)

    def compose_query(self, query: str) -> sql.Composed:
        """Composes a statement: {schema} and {reporting} become this database's quoted names."""
        return fill_schema_names(query, self.schema, self.reporting)

    def record_error(self, error: BaseException) -> None:
        """Remembers when the server last said that its disk is full."""
        if isinstance(error, psycopg.errors.DiskFull):
            self.disk_full_at = monotonic()

    @property
    def is_disk_full(self) -> bool:
        """Whether the server has lately refused a statement because its disk is full."""
        return self.disk_full_at is not None and monotonic() - self.disk_full_at < DISK_FULL_SECONDS

    def build_connection_settings(self, role: Role) -> dict[str, Any]:
        """Returns the settings of every connection: autocommit, rows as dicts, timeouts, a name."""
        return {
            "autocommit": True,
            "row_factory": dict_row,
            "options": f"{TIMEOUT_OPTIONS} {WARNINGS}",
            "application_name": build_connection_name(self.url, self.schema, role),
            **KEEPALIVE_SETTINGS,
        }

    def connect(self, role: Role | None = None, **settings: Any) -> Connection[DictRow]:
        """Opens a connection outside of the pool, to keep; for a role of its own. Raises psycopg.OperationalError."""
        connection = psycopg.connect(self.url, **{**self.build_connection_settings(role or self.role), **settings})
        use_fast_json(connection)
        return connection


def use_fast_json(connection: Connection[DictRow]) -> None:
    """Sets Pydantic's JSON parser for a connection, which takes a fifth of the time of Python's."""
    set_json_loads(from_json, connection)


def fill_schema_names(query: LiteralString, schema: str, reporting: str) -> sql.Composed:
    """Composes a statement with its schema names filled in, quoted."""
    names = {"schema": sql.Identifier(schema), "reporting": sql.Identifier(reporting)}
    return sql.SQL(query).format(**names)


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether an error means that the connection is gone, not that the server refused something."""
    if isinstance(error, PoolTimeout):  # there was none: waiting for one again would only double the wait
        return False
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown | psycopg.InterfaceError):
        return True
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None
