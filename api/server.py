"""Running the service: which database, and how many workers."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection, conninfo, sql

from api.settings import Settings, WrongSetting
from domain.refusals import Refusal
from store.schema import ANALYST_ROLE, SERVICE_ROLE, migrate

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
def database(settings: Settings, creates: bool = False) -> Iterator[Settings]:
    """The settings with a database that runs: the one named, or the embedded one, migrated, as long as this lasts.

    This is the only place that makes a database or a schema where there is none, and only for a command that `creates`:
    `demo`, `serve` and `migrate`. Any other would look into an empty one, and say that all is well.
    Raises WrongSetting, store.embedded.server.DatabaseUnavailable.
    """
    if settings.database_url:
        yield settings
        return
    from store.embedded.server import is_made, running  # needs a Unix system, which a database elsewhere does not

    refuse_forgotten_url(settings)
    if not (creates or is_made(settings.data_dir)):
        raise no_database(settings)
    with running(settings.data_dir, settings=EMBEDDED_SETTINGS, watched=True) as server:
        if not (creates or has_schema(server.url(), server.url(database=DATABASE), settings.db_schema)):
            raise no_schema(settings)
        prepare(server.url(), server.url(OWNER_ROLE, DATABASE), settings.db_schema)
        yield settings.model_copy(update={"database_url": server.url(SERVICE_ROLE, DATABASE)})


def refuse_forgotten_url(settings: Settings) -> None:
    """Lets nobody use an embedded database who has named another one as its owner. Raises WrongSetting."""
    if settings.owner_database_url:
        raise WrongSetting(
            "ONCELINK_DATABASE_URL: it is empty, but ONCELINK_OWNER_DATABASE_URL is set: name the same database as the "
            "service's role, or set neither for the embedded one."
        )


def no_database(settings: Settings) -> WrongSetting:
    """That there is nothing to work on, and what to do."""
    return WrongSetting(
        f"ONCELINK_DATABASE_URL: it is empty, and there is no embedded database in {settings.data_dir.absolute()}. "
        "Set it, or set ONCELINK_DATA_DIR to the folder that has one; "
        "only `oncelink serve`, `demo` and `migrate` make a new one."
    )


def no_schema(settings: Settings) -> WrongSetting:
    """That the embedded database has another schema, or none, and what to do."""
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


def prepare(superuser_url: str, owner_url: str, schema: str) -> None:
    """Roles, database and schema of an embedded server, made where they are missing."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('oncelink.prepare', 0))")
        for role in (OWNER_ROLE, SERVICE_ROLE, ANALYST_ROLE):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        create_database(connection)
        let_owner_see_files(superuser_url)  # still under the lock: nobody else may grant it at the same time
    migrate(owner_url, schema)


def create_database(connection: Connection[tuple[object, ...]]) -> None:
    """The service's own database, unless it is there already."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
        named = {"name": sql.Identifier(DATABASE), "owner": sql.Identifier(OWNER_ROLE)}
        connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**named))


def let_owner_see_files(superuser_url: str) -> None:
    """What lets a copy of the database's files, put back, be noticed: see store/migrations/0016_restores.sql."""
    with psycopg.connect(superuser_url, dbname=DATABASE, autocommit=True) as connection:
        seen = sql.SQL("GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO {}")
        connection.execute(seen.format(sql.Identifier(OWNER_ROLE)))


def service_role(settings: Settings) -> str:
    """The role that the service signs in as, to which a migration gives its rights."""
    user = conninfo.conninfo_to_dict(settings.database_url).get("user") if settings.database_url else None
    return str(user) if user else SERVICE_ROLE


@contextmanager
def in_environment(settings: Settings) -> Iterator[None]:
    """The settings for worker processes, which read them anew."""
    before = dict(os.environ)
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
        os.environ.update(before)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A port, taken for as long as this lasts. Raises CannotStart."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise CannotStart(f"Port {port} cannot be used ({reason_of(error)}): choose another with --port.") from None
    with listener:
        yield listener


def reason_of(error: Exception) -> str:
    """What the system said, without what Python adds."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return said.split(" (while")[0].removeprefix("bind(): ").rstrip(".")


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serves until it is told to stop. The database must run. Raises CannotStart."""
    import uvicorn  # which no other command needs

    with listening(host, port):
        pass  # uvicorn would find out late, say it in its log, and end with 3
    with in_environment(settings), tempfile.TemporaryDirectory(prefix="oncelink-metrics-") as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run(
            "api.app:create",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
