"""Which table of each read model is live: one row of `read_models` names it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# statements that need more than the names join this text
LIVE_TABLES = "SELECT name, version, live_table FROM {schema}.read_models"


@dataclass(frozen=True, slots=True)
class LiveTable:
    """The name of a read model's live table, and the version that it holds."""

    table: str
    version: int


def find_live_tables(fetch_rows: Callable[[str], Iterable[Mapping[str, Any]]]) -> dict[str, LiveTable]:
    """The live tables by read model name. `fetch_rows` fills in the schema, and runs the statement."""
    return to_live_tables(fetch_rows(LIVE_TABLES))


def to_live_tables(rows: Iterable[Mapping[str, Any]]) -> dict[str, LiveTable]:
    """Records of LIVE_TABLES as live tables by read model name."""
    return {row["name"]: LiveTable(row["live_table"], row["version"]) for row in rows}
