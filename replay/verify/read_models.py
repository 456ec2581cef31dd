"""Every read model against a fresh fold of the log, up to the follower's position, in one statement."""

from collections.abc import Iterator
from typing import Any

from psycopg.errors import UndefinedTable

from projections.read_model import ReadModel
from replay.verify.problems import Problem
from replay.verify.verify_connection import Ask

ATTEMPTS = 5
MOST_ROWS = 50
LONGEST_VALUE = 60
KEPT_BACK = ("busy_feed_url", "words")
LIVE = "SELECT version, live_table FROM {schema}.read_models WHERE name = %(name)s"
# What EXCEPT ALL says both ways, in one pass: a row that is kept n times and told m times counts n - m.
DIFFERENCES = """
WITH differing AS (
    SELECT COLUMNS, sum(counted) AS surplus
    FROM (
        SELECT COLUMNS, 1 AS counted FROM {schema}."TABLE"
        UNION ALL SELECT COLUMNS, -1 FROM (FOLD) AS told
    ) AS both_ways
    GROUP BY COLUMNS HAVING sum(counted) <> 0
), rows AS (
    SELECT KEY AS key, jsonb_agg(to_jsonb(differing) - 'surplus') FILTER (WHERE surplus > 0) AS kept,
           jsonb_agg(to_jsonb(differing) - 'surplus') FILTER (WHERE surplus < 0) AS told,
           greatest(sum(surplus) FILTER (WHERE surplus > 0), -sum(surplus) FILTER (WHERE surplus < 0)) AS differing
    FROM differing GROUP BY KEY
)
SELECT key, kept, told, (SELECT max(position) FROM {schema}.events WHERE stream_id = key) AS position,
       (SELECT sum(differing) FROM rows)::int AS differing,
       (SELECT live_table FROM {schema}.read_models WHERE name = %(name)s) AS live_table
FROM (SELECT 1) AS once LEFT JOIN (SELECT * FROM rows ORDER BY key LIMIT %(most)s) AS first ON true
"""
FOLLOWED = "(SELECT position FROM {schema}.follower)"


class NotLive(Exception):
    """This version of a read model is not live."""


def differing_rows(ask: Ask, model: ReadModel) -> tuple[int, list[Problem]]:
    """How many rows of a read model are not what the log says, and the first of them by name."""
    try:
        rows = differences(ask, model)
    except NotLive as error:
        return 1, [Problem(f"read model {model.name}", str(error))]
    return rows[0]["differing"] or 0, [problem for row in rows for problem in named(model, row)]


def differences(ask: Ask, model: ReadModel) -> list[dict[str, Any]]:
    """The differing rows; asked again when a rebuild switched the table meanwhile. Raises NotLive."""
    for _ in range(ATTEMPTS):
        live = next(iter(ask.rows(LIVE, {"name": model.name})), None)
        if live is None or live["version"] != model.version:
            raise NotLive(f"Its version {model.version} is not live: start `oncelink serve`, which builds it.")
        query = (
            DIFFERENCES.replace("COLUMNS", model.columns)
            .replace("TABLE", live["live_table"])
            .replace("FOLD", model.fold(until=True).replace("%(log_until)s", FOLLOWED))
            .replace("KEY", model.key)
        )
        try:
            rows = ask.rows(query, {"name": model.name, "most": MOST_ROWS})
        except UndefinedTable:
            continue
        if rows[0]["live_table"] == live["live_table"]:
            return rows
    raise NotLive("It is being rebuilt again and again: verify it later.")


def named(model: ReadModel, row: dict[str, Any]) -> Iterator[Problem]:
    """A differing row as a problem."""
    if row["key"] is None:
        return
    kept, told = row["kept"] or [], row["told"] or []
    if not told:
        said = "its row is there, and the log has none."
    elif not kept:
        said = "its row is missing."
    elif len(kept) == len(told) == 1:
        said = columns(kept[0], told[0])
    else:
        said = f"{len(kept)} rows are there that differ from {len(told)} of the log."
    yield Problem(f"read model {model.name}", said, row["key"], row["position"])


def columns(kept: dict[str, Any], told: dict[str, Any]) -> str:
    """The columns that differ, with both values where they may be shown."""
    said = []
    for name in kept:
        if kept[name] != told.get(name):
            hidden = any(word in name for word in KEPT_BACK)
            said.append(f"{name} differs" if hidden else f"{name} is {short(kept[name])}, not {short(told.get(name))}")
    return "; ".join(said) + "."


def short(value: Any) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
