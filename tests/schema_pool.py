"""Pools of schemas for tests: a schema's rows are restored after each test.

Measured on one machine: restoring takes 0.04 to 0.1 s, creating and migrating a schema 0.4 to 0.5 s, and creating a
database from a template 1.4 to 2.5 s.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

from api.server import DATABASE, OWNER_ROLE
from store.embedded.server import Server
from store.schema import migrate_schema

T = TypeVar("T")

# each thing that makes up the two schemas, and the transaction that last changed it
STRUCTURE_DIGEST = """
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


def create_schema(server: Server) -> str:
    """Create a migrated schema and return its name."""
    name = f"t{uuid4().hex[:12]}"
    migrate_schema(server.build_url(OWNER_ROLE, DATABASE), name)
    return name


def drop_schema(connection: Connection[Any], name: str) -> None:
    """Drop a schema that `create_schema` made."""
    connection.execute(f"DROP SCHEMA {name}, {name}_reporting CASCADE")


class SchemaSnapshot:
    """The structure, rows and sequences of a schema at one moment, so that they can be restored."""

    def __init__(self, connection: Connection[Any], name: str) -> None:
        self.name = name
        self.structure = self.read_structure(connection)
        tables = [row[0] for row in connection.execute(TABLES, (name,))]
        self.rows = {table: self.copy_table(connection, table) for table in tables}
        self.sequences = {}
        for (sequence,) in connection.execute(SEQUENCES, (name,)).fetchall():
            self.sequences[sequence] = connection.execute(
                self.compose_statement("SELECT last_value, is_called FROM {}", sequence)
            ).fetchone()

    def compose_statement(self, text: str, relation: str) -> sql.Composed:
        """Compose a statement about a relation of the schema."""
        return sql.SQL(text).format(sql.Identifier(self.name, relation))  # type: ignore[arg-type]

    def read_structure(self, connection: Connection[Any]) -> Any:
        """Read a digest of the schema's structure."""
        return connection.execute(STRUCTURE_DIGEST, ([self.name, f"{self.name}_reporting"],)).fetchone()

    def copy_table(self, connection: Connection[Any], table: str) -> bytes:
        """Return a table's rows in the text format of COPY."""
        with connection.cursor().copy(self.compose_statement("COPY {} TO STDOUT", table)) as copy:
            return b"".join(bytes(chunk) for chunk in copy)

    def restore_rows(self, connection: Connection[Any]) -> bool:
        """Restore every row and sequence. Returns False and does nothing when the structure has changed."""
        if self.read_structure(connection) != self.structure:
            return False
        with connection.transaction():
            # no foreign key is looked at, so that tables come in any order
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(
                sql.SQL("; ").join(self.compose_statement("DELETE FROM {}", table) for table in self.rows)
            )
            for table, rows in self.rows.items():
                if rows:
                    with connection.cursor().copy(self.compose_statement("COPY {} FROM STDIN", table)) as copy:
                        copy.write(rows)
            for sequence, (value, is_called) in self.sequences.items():
                relation = sql.Identifier(self.name, sequence).as_string()
                connection.execute("SELECT setval(%s, %s, %s)", (relation, value, is_called))
        return True


@dataclass
class PooledSchema(Generic[T]):
    """A schema in the pool and the content that was prepared in it."""

    snapshot: SchemaSnapshot
    content: T


class SchemaPool(Generic[T]):
    """A pool of schemas of one kind."""

    def __init__(self, server: Server, prepare: Callable[[str], T]) -> None:
        self.server = server
        self.prepare = prepare
        self.free_schemas: list[PooledSchema[T]] = []

    @contextmanager
    def hold_schema(self) -> Iterator[tuple[str, T]]:
        """Hold a schema in its prepared state. Yields its name and content."""
        with psycopg.connect(self.server.build_url(database=DATABASE), autocommit=True) as connection:
            pooled_schema = self.free_schemas.pop() if self.free_schemas else self.prepare_schema(connection)
        yield pooled_schema.snapshot.name, pooled_schema.content
        with psycopg.connect(self.server.build_url(database=DATABASE), autocommit=True) as connection:
            if pooled_schema.snapshot.restore_rows(connection):
                self.free_schemas.append(pooled_schema)
            else:
                drop_schema(connection, pooled_schema.snapshot.name)

    def prepare_schema(self, connection: Connection[Any]) -> PooledSchema[T]:
        """Create and prepare a new schema."""
        name = create_schema(self.server)
        content = self.prepare(name)
        return PooledSchema(SchemaSnapshot(connection, name), content)
