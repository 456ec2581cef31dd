"""Creates and upgrades the schema: numbered SQL files, run as the owner's role, under one lock."""

from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql

LOCK_MIGRATIONS = "SELECT pg_advisory_xact_lock(hashtextextended('oncelink.migrate', 0))"
CREATE_MIGRATIONS_TABLE = """CREATE TABLE IF NOT EXISTS {schema}.migrations (
    name text PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
SERVICE_ROLE = "oncelink_service"
ANALYST_ROLE = "oncelink_analyst"


class SchemaProblem(Exception):
    """The schema cannot be used or upgraded. The message says what to do."""


def list_migrations() -> list[str]:
    """Lists the migrations of this version, in order."""
    entries = files("store").joinpath("migrations").iterdir()
    return sorted(entry.name for entry in entries if entry.name.endswith(".sql"))


def migrate_schema(owner_url: str, schema: str = "oncelink", service_role: str = SERVICE_ROLE) -> list[str]:
    """Upgrades a schema in one transaction, and grants its rights again. Returns the names of the migrations it ran.

    Creates the roles of service and analyst (without login) where they are missing. Raises SchemaProblem when the
    owner's role may not do that, psycopg.OperationalError without a database.
    """
    with psycopg.connect(owner_url) as connection:
        connection.execute(LOCK_MIGRATIONS)
        for role in (service_role, ANALYST_ROLE):
            create_role(connection, role)
        migration = Migration(connection, schema, service_role)
        migration.run_statements("CREATE SCHEMA IF NOT EXISTS {schema}")
        migration.run_statements(CREATE_MIGRATIONS_TABLE)
        pending_names = [name for name in list_migrations() if name not in list_applied_migrations(connection, schema)]
        for name in pending_names:
            migration.run_statements(read_sql_file("migrations", name))
            connection.execute(
                migration.compose_statements("INSERT INTO {schema}.migrations (name) VALUES (%s)"), (name,)
            )
        migration.run_statements(read_sql_file("rights.sql"))
        return pending_names


class Migration:
    """Runs the owner's statements on one schema."""

    def __init__(self, connection: Connection[Any], schema: str, service_role: str) -> None:
        self.connection = connection
        self.names = {
            "schema": sql.Identifier(schema),
            "reporting": sql.Identifier(get_reporting_schema(schema)),
            "service": sql.Identifier(service_role),
            "analyst": sql.Identifier(ANALYST_ROLE),
            "cell": sql.Literal(schema),
        }

    def run_statements(self, text: LiteralString) -> None:
        """Runs statements. Raises psycopg.Error."""
        self.connection.execute(self.compose_statements(text))

    def compose_statements(self, text: LiteralString) -> sql.Composed:
        """Composes statements with their names filled in, quoted."""
        return sql.SQL(text).format(**self.names)


def get_reporting_schema(schema: str) -> str:
    """Returns the schema of the analysts' views."""
    return "reporting" if schema == "oncelink" else f"{schema}_reporting"


def read_sql_file(*path: str) -> LiteralString:
    """Returns the text of one of our own SQL files."""
    return files("store").joinpath(*path).read_text(encoding="utf-8")


def create_role(connection: Connection[Any], name: str) -> None:
    """Creates a role without login, unless it exists. Raises SchemaProblem."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None:
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise SchemaProblem(
            f"The role {name} is missing and the owner may not create it: run CREATE ROLE {name} as a superuser."
        ) from None


def list_applied_migrations(connection: Connection[Any], schema: str) -> set[str]:
    """Returns the migrations that were run on a schema."""
    query = sql.SQL("SELECT name FROM {}.migrations").format(sql.Identifier(schema))
    with connection.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        return set(cursor.execute(query))


def check_schema_current(connection: Connection[Any], schema: str) -> None:
    """Checks that all migrations were run. Raises SchemaProblem."""
    with connection.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        table = cursor.execute("SELECT to_regclass(format('%%I.migrations', %s::text))", (schema,)).fetchone()
    missing = set(list_migrations()) - (list_applied_migrations(connection, schema) if table else set())
    if missing:
        raise SchemaProblem(
            f"The schema {schema} lacks {', '.join(sorted(missing))}: "
            "run `oncelink migrate` with ONCELINK_OWNER_DATABASE_URL set to the owner's role."
        )
