"""Opens the services over a database that was checked; commands use it without HTTP."""

import logging

from api.clock import read_clock
from api.composition.root import build_services
from api.secret_keys import record_keys, warn_of_new_key
from api.services import Services
from api.settings import Settings
from integrations.clock import Clock
from projections import reporting
from projections.rebuild import live_tables
from store import startup_checks
from store.connection_names import Role
from store.credentials.key_fingerprints import RecordedKeys
from store.database import Database
from store.restore_detection import find_restore_problems
from store.schema import check_schema_current

log = logging.getLogger("oncelink")


class UnsafeDatabase(Exception):
    """The database could lose or change bookings; the message says how."""


def open_services(
    settings: Settings, makes_codes: bool = True, clock: Clock = read_clock, role: Role = "command"
) -> Services:
    """Check the database, ensure its live tables and views, and build the services; `role` is what they are for.

    Raises UnsafeDatabase, SchemaProblem, psycopg.OperationalError saying why there is no connection.
    """
    database = Database(settings.database_url, settings.db_schema, settings.pool_size, role)
    with database.connect() as connection:
        check_schema_current(connection, settings.db_schema)
        safety_problems = startup_checks.find_problems(connection, settings.db_schema)
        restore_warnings = find_restore_problems(connection, settings.db_schema)
        if safety_problems and not settings.unsafe:
            raise UnsafeDatabase(" ".join(safety_problems))
        recorded_keys = RecordedKeys(connection, settings.db_schema)
        (record_keys if makes_codes else warn_of_new_key)(settings, recorded_keys)
    for problem in safety_problems + restore_warnings:
        log.warning("%s", problem)
    if not live_tables.read_live_versions(database):  # else the old ones serve while they are built
        live_tables.ensure_tables(database)
    if live_tables.has_current_versions(database) and not reporting.ensure_views(database):
        log.warning("The analysts' views are of an earlier version: somebody reads them; the next start tries again.")
    return build_services(settings, database.open(), clock)
