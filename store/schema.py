"""Creates and upgrades the schema: numbered SQL files, as the owner's role, under one lock."""

from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('oncelink.migrate', 0))"
DONE = """CREATE TABLE IF NOT EXISTS {schema}.migrations (
    name text PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
SERVICE_ROLE = "oncelink_service"
ANALYST_ROLE = "oncelink_analyst"


class SchemaProblem(Exception):
    """The schema cannot be used or upgraded; the message says what to do."""


def migration_names() -> list[str]:
    """The migrations that this version knows, in order."""
    entries = files("store").joinpath("migrations").iterdir()
    return sorted(entry.name for entry in entries if entry.name.endswith(".sql"))


def migrate(owner_url: str, schema: str = "oncelink", service_role: str = SERVICE_ROLE) -> list[str]:
    """Brings a schema up to date in one transaction, and says again who may do what in it.

    The names of the migrations that were run. Roles of service and analyst are made (without login) where they are
    missing. Raises SchemaProblem when the owner's role may not do that, psycopg.OperationalError without a database.
    """
    with psycopg.connect(owner_url) as connection:
        connection.execute(LOCK)
        for role in (service_role, ANALYST_ROLE):
            create_role(connection, role)
        run = Migration(connection, schema, service_role)
        run.text("CREATE SCHEMA IF NOT EXISTS {schema}")
        run.text(DONE)
        wanted = [name for name in migration_names() if name not in done(connection, schema)]
        for name in wanted:
            run.text(sql_file("migrations", name))
            connection.execute(run.named("INSERT INTO {schema}.migrations (name) VALUES (%s)"), (name,))
        run.text(sql_file("rights.sql"))
        return wanted


class Migration:
    """Statements of the owner on one schema, with its names filled in."""

    def __init__(self, connection: Connection[Any], schema: str, service_role: str) -> None:
        self.connection = connection
        self.names = {
            "schema": sql.Identifier(schema),
            "reporting": sql.Identifier(reporting_schema(schema)),
            "service": sql.Identifier(service_role),
            "analyst": sql.Identifier(ANALYST_ROLE),
            "cell": sql.Literal(schema),
        }

    def text(self, text: LiteralString) -> None:
        """Runs statements. Raises psycopg.Error."""
        self.connection.execute(self.named(text))

    def named(self, text: LiteralString) -> sql.Composed:
        """Statements with their names filled in, quoted."""
        return sql.SQL(text).format(**self.names)


def reporting_schema(schema: str) -> str:
    """Where the analysts' views of a schema are."""
    return "reporting" if schema == "oncelink" else f"{schema}_reporting"


def sql_file(*path: str) -> LiteralString:
    """The text of one of our own SQL files."""
    return files("store").joinpath(*path).read_text(encoding="utf-8")


def create_role(connection: Connection[Any], name: str) -> None:
    """A role without login, unless it is there already. Raises SchemaProblem."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None:
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise SchemaProblem(
            f"The role {name} is missing and the owner may not create it: run CREATE ROLE {name} as a superuser."
        ) from None


def done(connection: Connection[Any], schema: str) -> set[str]:
    """The migrations that were run on a schema."""
    query = sql.SQL("SELECT name FROM {}.migrations").format(sql.Identifier(schema))
    with connection.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        return set(cursor.execute(query))


def check_current(connection: Connection[Any], schema: str) -> None:
    """Lets only a current schema pass. Raises SchemaProblem."""
    with connection.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        there = cursor.execute("SELECT to_regclass(format('%%I.migrations', %s::text))", (schema,)).fetchone()
    missing = set(migration_names()) - (done(connection, schema) if there else set())
    if missing:
        raise SchemaProblem(
            f"The schema {schema} lacks {', '.join(sorted(missing))}: "
            "run `oncelink migrate` with ONCELINK_OWNER_DATABASE_URL set to the owner's role."
        )
