"""Converts JSON lines to Parquet with DuckDB, an optional extra, in bounded memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEMORY_LIMIT = "256MB"
ROW_GROUP_SIZE = 20_480  # DuckDB holds a whole row group in memory


class ParquetError(Exception):
    """The Parquet file could not be written. The message says why, or how to install what is missing."""


def write_parquet(lines: Path, file: Path, types: Mapping[str, str]) -> None:
    """Writes a file of JSON lines as Parquet, its columns in this order and of these types. Raises ParquetError."""
    try:
        import duckdb
    except ImportError:
        raise ParquetError(
            "Parquet needs DuckDB: install Oncelink with its extra `parquet` "
            "(`uv sync --extra parquet`, or `pip install './oncelink-….whl[parquet]'` with its wheel's file)."
        ) from None
    config: dict[str, Any] = {"threads": 1, "memory_limit": MEMORY_LIMIT, "temp_directory": str(file.parent)}
    with duckdb.connect(config=config | {"autoinstall_known_extensions": False}) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.read_json(str(lines), columns=dict(types), format="newline_delimited")
            rows.write_parquet(str(file), compression="zstd", row_group_size=ROW_GROUP_SIZE)
        except duckdb.Error as error:
            raise ParquetError(f"The Parquet file could not be written: {error}") from error
