"""Runs the server: chooses the database, and starts the workers."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection, conninfo, sql

from api.settings import Settings, WrongSetting
from domain.refusals import Refusal
from store.schema import ANALYST_ROLE, SERVICE_ROLE, migrate_schema

OTHER_FILES = 300  # besides the connections of clients: the database's, mail, calendars, libraries
OWNER_ROLE = "oncelink_owner"
DATABASE = "oncelink"
EMBEDDED_SETTINGS = {
    # what guests give stays out of PostgreSQL's own log
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "max_connections": "200",
}


class CannotStart(Refusal):
    """What was asked for cannot start; the message says why, and what to do."""

    @property
    def sentence(self) -> str:
        """The message itself."""
        return str(self)


@contextmanager
def run_database(settings: Settings, creates: bool = False) -> Iterator[Settings]:
    """Run the configured or the embedded database, migrated; yields the settings with its URL.

    Raises store.embedded.account.DatabaseUnavailable.
    """
    if settings.database_url:
        yield settings
        return
    from store.embedded.server import (  # needs a Unix system, which a database elsewhere does not
        has_cluster,
        run_server,
    )

    refuse_forgotten_url(settings)
    if not (creates or has_cluster(settings.data_dir)):
        raise build_missing_database_error(settings)
    with run_server(settings.data_dir, settings=EMBEDDED_SETTINGS, restart_if_killed=True) as server:
        if not (creates or has_schema(server.build_url(), server.build_url(database=DATABASE), settings.db_schema)):
            raise build_missing_schema_error(settings)
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), settings.db_schema)
        yield settings.model_copy(update={"database_url": server.build_url(SERVICE_ROLE, DATABASE)})


def refuse_forgotten_url(settings: Settings) -> None:
    """Refuse the embedded database when the owner's URL names another one. Raises WrongSetting."""
    if settings.owner_database_url:
        raise WrongSetting(
            "ONCELINK_DATABASE_URL: it is empty, but ONCELINK_OWNER_DATABASE_URL is set: name the same database as the "
            "service's role, or set neither for the embedded one."
        )


def build_missing_database_error(settings: Settings) -> WrongSetting:
    """Build the error that there is no database, with what to do."""
    return WrongSetting(
        f"ONCELINK_DATABASE_URL: it is empty, and there is no embedded database in {settings.data_dir.absolute()}. "
        "Set it, or set ONCELINK_DATA_DIR to the folder that has one; "
        "only `oncelink serve`, `demo` and `migrate` make a new one."
    )


def build_missing_schema_error(settings: Settings) -> WrongSetting:
    """Build the error that the embedded database lacks the schema, with what to do."""
    return WrongSetting(
        f"ONCELINK_SCHEMA: the embedded database in {settings.data_dir.absolute()} has no schema {settings.db_schema}. "
        "Set it to one that is there; only `oncelink serve`, `demo` and `migrate` make a new one."
    )


def has_schema(superuser_url: str, url: str, schema: str) -> bool:
    """Whether an embedded server, which may have been stopped before it was prepared, has a schema."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            return False
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT FROM pg_namespace WHERE nspname = %s"
        return connection.execute(query, (schema,)).fetchone() is not None


def prepare_database(superuser_url: str, owner_url: str, schema: str) -> None:
    """Create the missing roles, the database and the schema of an embedded server."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('oncelink.prepare', 0))")
        for role in (OWNER_ROLE, SERVICE_ROLE, ANALYST_ROLE):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        create_database(connection)
        grant_file_access(superuser_url)  # still under the lock: nobody else may grant it at the same time
    migrate_schema(owner_url, schema)


def create_database(connection: Connection[tuple[object, ...]]) -> None:
    """Create the service's database unless it exists."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
        identifiers = {"name": sql.Identifier(DATABASE), "owner": sql.Identifier(OWNER_ROLE)}
        connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**identifiers))


def grant_file_access(superuser_url: str) -> None:
    """Let the owner notice restored copies of the database's files: see store/migrations/0016_restores.sql."""
    with psycopg.connect(superuser_url, dbname=DATABASE, autocommit=True) as connection:
        statement = sql.SQL("GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO {}")
        connection.execute(statement.format(sql.Identifier(OWNER_ROLE)))


def get_service_role(settings: Settings) -> str:
    """Get the role that the service signs in as, to which a migration grants its rights."""
    user = conninfo.conninfo_to_dict(settings.database_url).get("user") if settings.database_url else None
    return str(user) if user else SERVICE_ROLE


@contextmanager
def export_to_environment(settings: Settings) -> Iterator[None]:
    """Export the settings to worker processes, which read the environment."""
    saved_environment = dict(os.environ)
    os.environ.update(
        ONCELINK_DATABASE_URL=settings.database_url,
        ONCELINK_BASE_URL=settings.base_url,
        ONCELINK_SECRET_KEYS=",".join(settings.keys),
        ONCELINK_UNSAFE=str(settings.unsafe),
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved_environment)


@contextmanager
def hold_port(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a listening port. Raises CannotStart."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise CannotStart(
            f"Port {port} cannot be used ({describe_error(error)}): choose another with --port."
        ) from None
    with listener:
        yield listener


def describe_error(error: Exception) -> str:
    """Describe an error by the system's own words."""
    message = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return message.split(" (while")[0].removeprefix("bind(): ").rstrip(".")


def raise_file_limit(wanted: int) -> None:
    """Let this process, and those that it starts, open as many files and connections, or as many as it may."""
    try:
        import resource  # which only Unix systems have
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # where the system has another limit above
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


def serve(settings: Settings, host: str, port: int, workers: int, protocol: Any) -> None:
    """Serve until told to stop; each connection is made by `protocol`. The database must run. Raises CannotStart."""
    import uvicorn  # which no other command needs

    raise_file_limit(settings.max_connections + OTHER_FILES)
    with hold_port(host, port):
        pass  # uvicorn would notice late, log it, and exit with 3
    with export_to_environment(settings), tempfile.TemporaryDirectory(prefix="oncelink-metrics-") as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run(
            "api.app:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # read by ForwardedClientMiddleware
            http=protocol,
            timeout_graceful_shutdown=10,
        )
