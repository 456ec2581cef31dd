"""JSON lines turned into Parquet by DuckDB, an optional extra, in bounded memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEMORY = "256MB"
ROWS = 20_480  # of a group, all of which DuckDB holds at once


class ParquetFailed(Exception):
    """The Parquet file could not be written; the message says why, or how to install what is missing."""


def write_parquet(lines: Path, file: Path, types: Mapping[str, str]) -> None:
    """Writes a file of JSON lines as Parquet, its columns in this order and of these types. Raises ParquetFailed."""
    try:
        import duckdb
    except ImportError:
        raise ParquetFailed(
            "Parquet needs DuckDB: install Oncelink with its extra `parquet` "
            "(`uv sync --extra parquet`, or `pip install 'oncelink[parquet]'`)."
        ) from None
    config: dict[str, Any] = {"threads": 1, "memory_limit": MEMORY, "temp_directory": str(file.parent)}
    with duckdb.connect(config=config | {"autoinstall_known_extensions": False}) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.read_json(str(lines), columns=dict(types), format="newline_delimited")
            rows.write_parquet(str(file), compression="zstd", row_group_size=ROWS)
        except duckdb.Error as error:
            raise ParquetFailed(f"The Parquet file could not be written: {error}") from error
