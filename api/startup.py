"""The parts over a database that was found safe and current; commands need no HTTP service for that."""

import logging

from api.secret_keys import record_keys, warn_of_new_key
from api.services import Oncelink, compose
from api.settings import Settings
from projections import reporting
from projections.rebuild import live_tables
from store import startup_checks
from store.credentials.key_fingerprints import KnownKeys
from store.database import Database
from store.restore_detection import restore_problems
from store.schema import check_current

log = logging.getLogger("oncelink")


class UnsafeDatabase(Exception):
    """The database could lose or change bookings; the message says how."""


def opened(settings: Settings, makes_codes: bool = True) -> Oncelink:
    """The parts over a database that was found safe and current, with secret keys that fit its log.

    Whoever serves people makes codes, and notes with which key; a command that does not notes nothing.
    Raises UnsafeDatabase, SchemaProblem, WrongSetting, psycopg.OperationalError saying why there is no connection.
    """
    database = Database(settings.database_url, settings.db_schema, settings.pool_size)
    with database.connect() as connection:
        check_current(connection, settings.db_schema)
        problems_found = startup_checks.problems(connection, settings.db_schema)
        restored = restore_problems(connection, settings.db_schema)
        if problems_found and not settings.unsafe:
            raise UnsafeDatabase(" ".join(problems_found))
        known = KnownKeys(connection, settings.db_schema)
        (record_keys if makes_codes else warn_of_new_key)(settings, known)
    for problem in problems_found + restored:
        log.warning("%s", problem)
    if not live_tables.versions(database):  # else the old ones serve while they are built
        live_tables.ensure(database)
    if live_tables.are_current(database) and not reporting.ensure(database):
        log.warning("The analysts' views are of an earlier version: somebody reads them; the next start tries again.")
    return compose(settings, database.open())
