"""Verifies every read model against a fresh fold of the log up to the follower's position, in one statement."""

from collections.abc import Iterator
from typing import Any

from psycopg.errors import UndefinedTable

from projections.read_model import ReadModel
from projections.table_lookup import LIVE_TABLES, find_live_tables
from replay.verify.problems import Problem
from replay.verify.verify_connection import VerifyConnection

MAX_ATTEMPTS = 5
MAX_ROWS = 50
MAX_VALUE_LENGTH = 60
HIDDEN_COLUMNS = ("busy_feed_url", "words")
# EXCEPT ALL in both directions in one pass: a row that is n times in the table and m times in the fold counts n - m.
DIFFERENCES = f"""
WITH differing AS (
    SELECT COLUMNS, sum(counted) AS surplus
    FROM (
        SELECT COLUMNS, 1 AS counted FROM {{schema}}."TABLE"
        UNION ALL SELECT COLUMNS, -1 FROM (FOLD) AS expected
    ) AS both_ways
    GROUP BY COLUMNS HAVING sum(counted) <> 0
), rows AS (
    SELECT KEY AS key, jsonb_agg(to_jsonb(differing) - 'surplus') FILTER (WHERE surplus > 0) AS actual,
           jsonb_agg(to_jsonb(differing) - 'surplus') FILTER (WHERE surplus < 0) AS expected,
           greatest(sum(surplus) FILTER (WHERE surplus > 0), -sum(surplus) FILTER (WHERE surplus < 0)) AS differing
    FROM differing GROUP BY KEY
)
SELECT key, actual, expected, (SELECT max(position) FROM {{schema}}.events WHERE stream_id = key) AS position,
       (SELECT sum(differing) FROM rows)::int AS differing,
       (SELECT live_table FROM ({LIVE_TABLES}) AS live WHERE name = %(name)s) AS live_table
FROM (SELECT 1) AS once LEFT JOIN (SELECT * FROM rows ORDER BY key LIMIT %(most)s) AS first ON true
"""
FOLLOWER_POSITION = "(SELECT position FROM {schema}.follower)"


class ReadModelNotLive(Exception):
    """This program's version of a read model is not live."""


def find_differing_rows(connection: VerifyConnection, model: ReadModel) -> tuple[int, list[Problem]]:
    """How many rows of a read model differ from the log, and a problem for each of the first of them."""
    try:
        rows = fetch_differences(connection, model)
    except ReadModelNotLive as error:
        return 1, [Problem(f"read model {model.name}", str(error))]
    return rows[0]["differing"] or 0, [problem for row in rows for problem in to_problems(model, row)]


def fetch_differences(connection: VerifyConnection, model: ReadModel) -> list[dict[str, Any]]:
    """The differing rows. Retries when a rebuild switches the table meanwhile. Raises ReadModelNotLive."""
    for _ in range(MAX_ATTEMPTS):
        live_table = find_live_tables(connection.fetch_rows).get(model.name)
        if live_table is None or live_table.version != model.version:
            raise ReadModelNotLive(f"Its version {model.version} is not live: start `oncelink serve`, which builds it.")
        query = (
            DIFFERENCES.replace("COLUMNS", model.columns)
            .replace("TABLE", live_table.table)
            .replace("FOLD", model.build_fold_query(until=True).replace("%(log_until)s", FOLLOWER_POSITION))
            .replace("KEY", model.key)
        )
        try:
            rows = connection.fetch_rows(query, {"name": model.name, "most": MAX_ROWS})
        except UndefinedTable:
            continue
        if rows[0]["live_table"] == live_table.table:
            return rows
    raise ReadModelNotLive("It is being rebuilt again and again: verify it later.")


def to_problems(model: ReadModel, row: dict[str, Any]) -> Iterator[Problem]:
    """The problem of a differing row; nothing for the row that only carries the totals."""
    if row["key"] is None:
        return
    actual_rows, expected_rows = row["actual"] or [], row["expected"] or []
    if not expected_rows:
        message = "its row is there, and the log has none."
    elif not actual_rows:
        message = "its row is missing."
    elif len(actual_rows) == len(expected_rows) == 1:
        message = describe_columns(actual_rows[0], expected_rows[0])
    else:
        message = f"{len(actual_rows)} rows are there that differ from {len(expected_rows)} of the log."
    yield Problem(f"read model {model.name}", message, row["key"], row["position"])


def describe_columns(actual_row: dict[str, Any], expected_row: dict[str, Any]) -> str:
    """The columns that differ, with both values unless they are hidden."""
    column_differences = []
    for name in actual_row:
        if actual_row[name] != expected_row.get(name):
            is_hidden = any(hidden_word in name for hidden_word in HIDDEN_COLUMNS)
            column_differences.append(
                f"{name} differs"
                if is_hidden
                else f"{name} is {shorten_value(actual_row[name])}, not {shorten_value(expected_row.get(name))}"
            )
    return "; ".join(column_differences) + "."


def shorten_value(value: Any) -> str:
    """A value as a message shows it, at most 60 characters long."""
    text = repr(value)
    return text if len(text) <= MAX_VALUE_LENGTH else text[:MAX_VALUE_LENGTH] + "…"
