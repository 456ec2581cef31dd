"""A big log for measuring: `python -m benchmarks big_log OWNER_URL [EVENTS] [SCHEMA]` fills a migrated schema."""

import time
from hashlib import md5
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

MIN_EVENTS = 2_000
EVENTS_PER_TOKEN = 2.05
SQL = Path(__file__).with_suffix(".sql")


def fill_log(owner_url: str, events: int = 1_000_000, schema: str = "oncelink", details: bool = True) -> None:
    """Fill an empty log with a plausible history, with its claims, reservations and (if wanted) personal details.

    The history is the same each time. The follower's position is at its end, so read models have to be built after it:
    by `live_tables.ensure_tables`. Raises AssertionError when the log is not empty, or read models are there already.
    """
    assert events >= MIN_EVENTS
    text = sql.SQL(SQL.read_text(encoding="utf-8")).format(**compute_sizes(events), **build_sql_names(schema, details))
    with psycopg.connect(owner_url, options="-c timezone=UTC -c jit=off -c work_mem=128MB") as connection:
        existing = sql.SQL("SELECT FROM {schema}.events UNION ALL SELECT FROM {schema}.read_models LIMIT 1")
        assert connection.execute(existing.format(**build_sql_names(schema, details))).fetchone() is None, (
            "the log must be empty"
        )
        connection.execute(text)


def build_sql_names(schema: str, details: bool) -> dict[str, sql.Composable]:
    """Build the SQL fragments that are not numbers."""
    return {"schema": sql.Identifier(schema), "details": sql.Literal(details)}


def compute_sizes(events: int) -> dict[str, sql.Composable]:
    """Compute how many hosts, links and tokens give this many events, and the instant in the middle of the log."""
    hosts = max(50, events // 50_000 * 10)
    tokens = int(events / EVENTS_PER_TOKEN * 1.05) + 500  # some links close half-way; what is too much is cut off
    days = tokens // hosts // 8 // 2
    numbers = {"events": events, "hosts": hosts, "links": 5 * hosts, "tokens": tokens}
    half_way = sql.SQL("(timestamptz '2024-02-25Z' + {} * interval '1 day')").format(sql.Literal(days))
    return {"half_way": half_way, **{name: sql.Literal(number) for name, number in numbers.items()}}


def derive_id(kind: str, number: int) -> UUID:
    """The id of the n-th `person`, `meeting type`, `managed link`, `link` or `token`."""
    return UUID(md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


def main(url: str, events: str = "1000000", schema: str = "oncelink") -> None:
    """Fill the log and print how long it took."""
    started_at = time.perf_counter()
    fill_log(url, int(events), schema)
    print(f"{int(events):,} events in {time.perf_counter() - started_at:.1f} s")
