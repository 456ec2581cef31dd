"""Schemas that tests use one after the other: putting the rows back is quicker than making a schema anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

from api.server import DATABASE, OWNER_ROLE
from store.embedded.server import Server
from store.schema import migrate

T = TypeVar("T")

# each thing that makes up the two schemas, and the transaction that last changed it
SHAPE = """
WITH spaces AS MATERIALIZED (SELECT oid FROM pg_namespace WHERE nspname = ANY (%s)),
     relations AS MATERIALIZED (SELECT oid, xmin FROM pg_class WHERE relnamespace IN (SELECT oid FROM spaces))
SELECT md5(string_agg(found, ' ' ORDER BY found)) FROM (
    SELECT 'space ' || oid || ' ' || xmin AS found FROM pg_namespace WHERE oid IN (SELECT oid FROM spaces)
    UNION ALL SELECT 'relation ' || oid || ' ' || xmin FROM relations
    UNION ALL SELECT 'function ' || oid || ' ' || xmin FROM pg_proc WHERE pronamespace IN (SELECT oid FROM spaces)
    UNION ALL SELECT 'constraint ' || oid || ' ' || xmin FROM pg_constraint
        WHERE connamespace IN (SELECT oid FROM spaces)
    UNION ALL SELECT 'view ' || oid || ' ' || xmin FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relations)
    UNION ALL SELECT 'column ' || attrelid || ' ' || attnum || ' ' || xmin FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM relations)
) AS things
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"
SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = %s ORDER BY sequencename"


def make(server: Server) -> str:
    """A new, migrated schema; its name."""
    name = f"t{uuid4().hex[:12]}"
    migrate(server.url(OWNER_ROLE, DATABASE), name)
    return name


def drop(connection: Connection[Any], name: str) -> None:
    """Drops a schema that `make` made."""
    connection.execute(f"DROP SCHEMA {name}, {name}_reporting CASCADE")


class State:
    """What was in a schema at one moment, to be put back."""

    def __init__(self, connection: Connection[Any], name: str) -> None:
        self.name = name
        self.shape = self.shape_now(connection)
        tables = [row[0] for row in connection.execute(TABLES, (name,))]
        self.rows = {table: self.copied(connection, table) for table in tables}
        self.sequences = {}
        for (sequence,) in connection.execute(SEQUENCES, (name,)).fetchall():
            self.sequences[sequence] = connection.execute(
                self.named("SELECT last_value, is_called FROM {}", sequence)
            ).fetchone()

    def named(self, text: str, relation: str) -> sql.Composed:
        """A statement about a relation of the schema."""
        return sql.SQL(text).format(sql.Identifier(self.name, relation))  # type: ignore[arg-type]

    def shape_now(self, connection: Connection[Any]) -> Any:
        """A digest of how the schema is built."""
        return connection.execute(SHAPE, ([self.name, f"{self.name}_reporting"],)).fetchone()

    def copied(self, connection: Connection[Any], table: str) -> bytes:
        """The rows of a table, as COPY writes them."""
        with connection.cursor().copy(self.named("COPY {} TO STDOUT", table)) as copy:
            return b"".join(bytes(piece) for piece in copy)

    def put_back(self, connection: Connection[Any]) -> bool:
        """Puts every row back as it was; False, and nothing done, where the schema is built otherwise by now."""
        if self.shape_now(connection) != self.shape:
            return False
        with connection.transaction():
            # no foreign key is looked at, so that tables come in any order
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(sql.SQL("; ").join(self.named("DELETE FROM {}", table) for table in self.rows))
            for table, rows in self.rows.items():
                if rows:
                    with connection.cursor().copy(self.named("COPY {} FROM STDIN", table)) as copy:
                        copy.write(rows)
            for sequence, (value, called) in self.sequences.items():
                relation = sql.Identifier(self.name, sequence).as_string()
                connection.execute("SELECT setval(%s, %s, %s)", (relation, value, called))
        return True


@dataclass
class Kept(Generic[T]):
    """A schema on the shelf, and what was put into it."""

    state: State
    content: T


class Shelf(Generic[T]):
    """Schemas of one kind."""

    def __init__(self, server: Server, prepare: Callable[[str], T]) -> None:
        self.server = server
        self.prepare = prepare
        self.free: list[Kept[T]] = []

    @contextmanager
    def taken(self) -> Iterator[tuple[str, T]]:
        """A schema as it was after it had been prepared, and what preparing it gave."""
        with psycopg.connect(self.server.url(database=DATABASE), autocommit=True) as connection:
            kept = self.free.pop() if self.free else self.made(connection)
        yield kept.state.name, kept.content
        with psycopg.connect(self.server.url(database=DATABASE), autocommit=True) as connection:
            if kept.state.put_back(connection):
                self.free.append(kept)
            else:
                drop(connection, kept.state.name)

    def made(self, connection: Connection[Any]) -> Kept[T]:
        """A new one."""
        name = make(self.server)
        content = self.prepare(name)
        return Kept(State(connection, name), content)
