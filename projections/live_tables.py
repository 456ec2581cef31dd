"""The live tables: made at the start, and built anew beside the old ones when the code has another version of them."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from projections.catalogue import READ_MODELS
from projections.folding import LOCK_POSITION, TOUCHED, Folding
from projections.question import statement
from projections.read_model import ReadModel
from projections.reporting import define_views
from store.database import Database

UNHURRIED = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%(schema)s || '.read_models', 0))"
LIVE = "SELECT name, version, live_table FROM {schema}.read_models"
NEXT_GENERATION = r"""
SELECT coalesce(max(substring(tablename FROM '_g(\d+)$')::int), 0) + 1 AS generation
FROM pg_tables WHERE schemaname = %(schema)s AND tablename ~ ('^' || %(name)s || '_v\d+_g\d+$')
"""
LEFTOVERS = r"""
SELECT tablename FROM pg_tables
WHERE schemaname = %(schema)s AND tablename ~ ('^(' || %(names)s || ')_v\d+_g\d+$')
AND tablename NOT IN (SELECT live_table FROM {schema}.read_models)
"""
SWITCH = """
INSERT INTO {schema}.read_models (name, version, live_table) VALUES (%(name)s, %(version)s, %(table)s)
ON CONFLICT (name)
DO UPDATE SET version = excluded.version, live_table = excluded.live_table, built_at = clock_timestamp()
"""


def ensure(db: Database, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Builds the read models that are not live in their version, and switches to them; the names of those built.

    Several processes may start together: one builds, the others wait. Raises psycopg.Error when nothing has changed.
    """
    with db.connect(options=UNHURRIED) as connection:
        folding = Folding(db, connection, models)
        with connection.transaction():
            folding.run(ONE_AT_A_TIME, {"schema": db.schema})
            live = {row["name"]: row["version"] for row in folding.rows(LIVE, {})}
            wanted = [model for model in models if live.get(model.name) != model.version]
            if wanted:
                build(folding, wanted)
        drop_leftovers(folding)
    return [model.name for model in wanted]


def build(folding: Folding, models: Sequence[ReadModel]) -> None:
    """Builds tables beside the live ones and switches to them, in the transaction at hand.

    The follower goes on meanwhile: its position is locked only to fold what was touched since, and to switch.
    """
    tables = {model: create(folding, model) for model in models}
    loaded: int = folding.rows("SELECT position FROM {schema}.follower", {})[0]["position"]
    for model, table in tables.items():
        load(folding, model, table, loaded)
    reached: int = folding.rows(LOCK_POSITION, {})[0]["position"]
    for model, table in tables.items():
        catch_up(folding, model, table, loaded, reached)
        folding.run(SWITCH, {"name": model.name, "version": model.version, "table": table})
    switched = {row["name"]: row["live_table"] for row in folding.rows(LIVE, {})}
    define_views(folding.connection, folding.db, {model: switched[model.name] for model in folding.models})


def create(folding: Folding, model: ReadModel) -> str:
    """An empty table for the next generation of a read model, and its name."""
    generation = folding.rows(NEXT_GENERATION, {"schema": folding.db.schema, "name": model.name})[0]["generation"]
    table = model.table_name(generation)
    define(folding, f'CREATE TABLE {{schema}}."{table}" ({model.table})')
    return table


def load(folding: Folding, model: ReadModel, table: str, until: int) -> None:
    """Fills a table with the fold of all streams up to a position; its indexes come after."""
    fold = model.fold(until=True)
    folding.run(f'INSERT INTO {{schema}}."{table}" ({model.columns}) {fold}', {"log_until": until})
    for index in model.indexes:
        define(folding, f'CREATE INDEX ON {{schema}}."{table}" {index}')
    define(folding, f'ANALYZE {{schema}}."{table}"')


def catch_up(folding: Folding, model: ReadModel, table: str, after: int, until: int) -> None:
    """Folds the streams again that were touched while the table was loading."""
    touched = folding.rows(TOUCHED, {"after": after, "until": until, "limit": None})
    streams = [row["stream_id"] for row in touched if model.looks_at(set(row["names"]))]
    if streams:
        folding.refold(model, table, streams, until)


def drop_leftovers(folding: Folding) -> None:
    """Drops tables that are live no more, or were never; one that somebody still reads is left for the next time."""
    names = "|".join(model.name for model in folding.models)
    for row in folding.rows(LEFTOVERS, {"schema": folding.db.schema, "names": names}):
        try:
            define(folding, "SET lock_timeout = '1s'")
            define(folding, f'DROP TABLE IF EXISTS {{schema}}."{row["tablename"]}"')
        except LockNotAvailable:
            continue


def define(folding: Folding, text: str) -> None:
    """Runs a statement that takes no parameters."""
    connection: Connection[Any] = folding.connection
    connection.execute(statement(folding.db.schema, folding.db.reporting, text))
