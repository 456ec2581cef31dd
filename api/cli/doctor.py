"""`oncelink doctor`: checks of an installation, each with what to do."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import DictRow
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.clock import read_clock
from api.field_types import list_time_zones
from api.secret_keys import check_keys
from api.settings import KEY_FILE, Settings, split_list
from domain.refusals import ReadModelBehind
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following.follower import find_leader
from projections.following.positions import read_positions
from projections.outbox_backlog import count_unsent_mails
from projections.table_lookup import find_live_tables
from store import startup_checks
from store.credentials.key_fingerprints import RecordedKeys
from store.database import Database, DatabaseAway
from store.restore_detection import find_restore_problems
from store.schema import SchemaProblem, check_schema_current

MAX_SKEW_SECONDS = 2.0
MAX_LAG_SECONDS = 10.0
MIN_ZONES = 400
MAX_COUNTED = 1000


@dataclass(frozen=True)
class Check:
    """The result of one check: ok, or what to do."""

    name: str
    ok: bool
    finding: str


def run_checks(settings: Settings, mail_to: str | None = None) -> list[Check]:
    """Run every check, and send a mail to `mail_to`; a database that does not answer yields one finding."""
    checks = [check_time_zones(), check_secrets(settings), run_mail_check(settings, mail_to)]
    database = Database(settings.database_url, settings.db_schema, pool_size=2).open()
    try:
        with database.acquire_connection() as connection:
            checks += check_database(connection, settings)
        if checks[-1].ok:
            checks += [check_follower(database), check_unsent_mail(database)]
    except DatabaseAway as error:
        checks.append(Check("database", False, f"It does not answer: {error}"))
    finally:
        database.close()
    return checks


def check_database(connection: Connection[DictRow], settings: Settings) -> Iterator[Check]:
    """Check durability, clock, schema, restores and roles."""
    yield to_check("durability", startup_checks.find_durability_problems(connection))
    yield check_clock(connection)
    yield run_check("schema", lambda: check_schema_current(connection, settings.db_schema))
    yield run_check("restore", lambda: refuse_problems(find_restore_problems(connection, settings.db_schema)))
    yield run_check("secret keys", lambda: check_keys(settings, RecordedKeys(connection, settings.db_schema)))
    yield run_check("roles", lambda: refuse_problems(startup_checks.find_log_problems(connection, settings.db_schema)))


def refuse_problems(problems: list[str]) -> None:
    """Raise SchemaProblem when there are problems."""
    if problems:
        raise SchemaProblem(" ".join(problems))


def run_check(name: str, check: Callable[[], None]) -> Check:
    """Run a check; an exception is its finding."""
    try:
        check()
    except Exception as error:
        return Check(name, False, str(error).strip())
    return Check(name, True, "ok")


def to_check(name: str, problems: list[str]) -> Check:
    """Convert a list of problems to a check."""
    return Check(name, not problems, " ".join(problems) or "ok")


def check_clock(connection: Connection[DictRow]) -> Check:
    """Check that this machine and the database agree about the time, however long the answer takes."""
    asked_at = read_clock()
    row = connection.execute("SELECT clock_timestamp() AS at").fetchone()
    answered_at = read_clock()
    assert row is not None
    skew = max(asked_at - row["at"], row["at"] - answered_at).total_seconds()
    if skew > MAX_SKEW_SECONDS:
        return Check("clock", False, f"This machine and the database differ by {skew:.1f} s: synchronise both by NTP.")
    return Check("clock", True, "ok")


def check_time_zones() -> Check:
    """Check that the time zone database is present and complete."""
    summer = datetime(2026, 7, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    winter = datetime(2026, 1, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    if len(list_time_zones()) < MIN_ZONES or summer == winter:
        return Check("time zones", False, "The time zone database is incomplete: install the package tzdata.")
    return Check("time zones", True, "ok")


def check_secrets(settings: Settings) -> Check:
    """Check that the secret keys exist and only their owner can read them."""
    if split_list(settings.secret_keys):
        return Check("secrets", True, "ok, from ONCELINK_SECRET_KEYS")
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        return Check("secrets", True, f"The first start on an empty log generates {path}: back it up, apart.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("secrets", False, f"Others can read {path}: chmod 600 it.")
    return Check("secrets", True, f"ok, in {path}: back it up apart from the database")


def run_mail_check(settings: Settings, to: str | None) -> Check:
    """Check that the mail server takes our mail; its libraries are imported only here."""
    from api.cli.mail_check import MailProblem, check_mail

    try:
        return Check("mail", True, check_mail(settings, to))
    except MailProblem as problem:
        return Check("mail", False, str(problem))


def check_follower(database: Database) -> Check:
    """Check that the read models are kept up to date."""
    live_tables = find_live_tables(database.fetch_rows)
    if missing := {model.name for model in READ_MODELS} - live_tables.keys():
        return Check("follower", True, f"{', '.join(sorted(missing))} will be built at the first start.")
    positions = read_positions(database)
    lag = (read_clock() - positions.moved_at).total_seconds()
    if positions.head > positions.position and lag > MAX_LAG_SECONDS:
        behind = f"{positions.head - positions.position} positions and {lag:.0f} s"
        return Check("follower", False, f"The read models are {behind} behind: run `oncelink serve` or `follow`.")
    leader = find_leader(database)
    return Check("follower", True, f"ok, {leader} leads" if leader else "ok, nothing to follow and nobody leads")


def check_unsent_mail(database: Database) -> Check:
    """Check that no mail about a meeting to come was given up or waits after a failure."""
    try:
        count = count_unsent_mails(from_live_tables(database), read_clock(), MAX_COUNTED)
    except ReadModelBehind:
        return Check("unsent mail", True, "The first start builds the table of what is to be sent.")
    if count:
        number = f"{count} or more" if count == MAX_COUNTED else str(count)
        return Check(
            "unsent mail",
            False,
            f"{number} mails about meetings to come were not sent: see /admin/mail, and send again.",
        )
    return Check("unsent mail", True, "ok")


def print_checks(checks: list[Check], console: Console) -> None:
    """Print the findings as a table."""
    table = Table(box=None, show_header=False)
    for check in checks:
        is_note = check.ok and not check.finding.startswith("ok")
        label = "[yellow]note[/]" if is_note else "[green]ok[/]" if check.ok else "[red]to do[/]"
        table.add_row(label, check.name, escape(check.finding) if check.finding != "ok" else "")
    console.print(table)
