"""`oncelink doctor`: what an operator should know before trusting an installation, each with what to do."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import DictRow
from rich.console import Console
from rich.table import Table

from api.clock import now
from api.field_types import time_zones
from api.secret_keys import check_keys
from api.settings import KEY_FILE, Settings, split_keys
from projections.catalogue import READ_MODELS
from projections.following.positions import position
from store import startup_checks
from store.credentials.key_fingerprints import KnownKeys
from store.database import Database, DatabaseAway
from store.restore_detection import restore_problems
from store.schema import SchemaProblem, check_current

MOST_SKEW_SECONDS = 2.0
MOST_LAG_SECONDS = 10.0
FEWEST_ZONES = 400


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: ok, or what to do."""

    name: str
    ok: bool
    finding: str


def examine(settings: Settings) -> list[Check]:
    """Looks at everything; a database that does not answer is the only finding about it."""
    found = [time_zone_data(), secrets(settings)]
    database = Database(settings.database_url, settings.db_schema, pool_size=2).open()
    try:
        with database.connection() as connection:
            found += about_database(connection, settings)
        if found[-1].ok:
            found.append(follower(database))
    except DatabaseAway as error:
        found.append(Check("database", False, f"It does not answer: {error}"))
    finally:
        database.close()
    return found


def about_database(connection: Connection[DictRow], settings: Settings) -> Iterator[Check]:
    """Durability, roles, clock, schema, and whether the secret keys are those of the log."""
    yield of_problems("durability", startup_checks.durability_problems(connection))
    yield clock(connection)
    yield attempted("schema", lambda: check_current(connection, settings.db_schema))
    yield attempted("restore", lambda: refuse(restore_problems(connection, settings.db_schema)))
    yield attempted("secret keys", lambda: check_keys(settings, KnownKeys(connection, settings.db_schema)))
    yield attempted("roles", lambda: refuse(startup_checks.log_problems(connection, settings.db_schema)))


def refuse(problems: list[str]) -> None:
    """Raises SchemaProblem when there are any."""
    if problems:
        raise SchemaProblem(" ".join(problems))


def attempted(name: str, look: Callable[[], None]) -> Check:
    """A check that raises SchemaProblem, or a database error that says what is missing."""
    try:
        look()
    except Exception as error:
        return Check(name, False, str(error).strip())
    return Check(name, True, "ok")


def of_problems(name: str, problems: list[str]) -> Check:
    """A check by what it found."""
    return Check(name, not problems, " ".join(problems) or "ok")


def clock(connection: Connection[DictRow]) -> Check:
    """Whether this machine and the database agree about the time."""
    before = now()
    row = connection.execute("SELECT clock_timestamp() AS at").fetchone()
    assert row is not None
    skew = abs((row["at"] - before).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        return Check("clock", False, f"This machine and the database differ by {skew:.1f} s: synchronise both by NTP.")
    return Check("clock", True, "ok")


def time_zone_data() -> Check:
    """Whether the time zone database is there and knows daylight saving time."""
    summer = datetime(2026, 7, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    winter = datetime(2026, 1, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    if len(time_zones()) < FEWEST_ZONES or summer == winter:
        return Check("time zones", False, "The time zone database is incomplete: install the package tzdata.")
    return Check("time zones", True, "ok")


def secrets(settings: Settings) -> Check:
    """Whether the keys that open links are there, and readable by nobody else."""
    if split_keys(settings.secret_keys):
        return Check("secrets", True, "ok, from ONCELINK_SECRET_KEYS")
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        return Check("secrets", True, f"The first start on an empty log generates {path}: back it up, apart.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("secrets", False, f"Others can read {path}: chmod 600 it.")
    return Check("secrets", True, f"ok, in {path}: back it up apart from the database")


def follower(database: Database) -> Check:
    """Whether somebody keeps the read models up to date."""
    known = {row["name"] for row in database.rows("SELECT name FROM {schema}.read_models")}
    if missing := {model.name for model in READ_MODELS} - known:
        return Check("follower", True, f"{', '.join(sorted(missing))} will be built at the first start.")
    at = position(database)
    lag = (now() - at.moved_at).total_seconds()
    if at.head > at.position and lag > MOST_LAG_SECONDS:
        behind = f"{at.head - at.position} positions and {lag:.0f} s"
        return Check("follower", False, f"The read models are {behind} behind: run `oncelink serve` or `follow`.")
    return Check("follower", True, "ok")


def show(checks: list[Check], console: Console) -> None:
    """The findings as a table."""
    table = Table(box=None, show_header=False)
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[red]to do[/]"
        table.add_row(mark, check.name, check.finding if check.finding != "ok" else "")
    console.print(table)
