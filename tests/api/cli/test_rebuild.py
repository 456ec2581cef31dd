"""`oncelink rebuild`: what it says, to people and to machines, and how it ends."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from api.settings import Settings
from projections.catalogue import READ_MODELS
from projections.rebuild import live_tables
from projections.rebuild.progress import RebuildLock
from store.database import Database

ROOT = str(Path(__file__).parents[3])
NAMES = [model.name for model in READ_MODELS]
Result = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The settings of this process are of no interest."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ONCELINK_")}


def run_rebuild(environment: dict[str, str], settings: Settings, *arguments: str) -> Result:
    """The command, in a process of its own."""
    environment_overrides = {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
        "PYTHONPATH": ROOT,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-c", "from api.cli.main import app; app()", "rebuild", *arguments]
    return subprocess.run(
        command, env=environment | environment_overrides, capture_output=True, text=True, timeout=120, check=False
    )


def test_all_for_people(environment: dict[str, str], settings: Settings, database: Database) -> None:
    live_tables.ensure_tables(database)
    result = run_rebuild(environment, settings)
    assert result.returncode == 0, result.stderr
    assert f"{len(NAMES)} read models were rebuilt" in result.stderr
    assert all(name in result.stderr for name in NAMES)
    assert "events/s" in result.stderr or "0/0 events" in result.stderr
    assert result.stdout == ""
    generations = database.fetch_rows("SELECT live_table FROM {schema}.read_models")
    assert all(row["live_table"].endswith("_g2") for row in generations)


def test_some_for_machines(environment: dict[str, str], settings: Settings, database: Database) -> None:
    live_tables.ensure_tables(database)
    result = run_rebuild(environment, settings, "links", "people", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    output = json.loads(result.stdout)
    assert {read_model["name"] for read_model in output["read_models"]} == {"links", "people"}
    assert output["read_models"][0].keys() == {"name", "version", "events", "seconds"}


def test_an_unknown_name(environment: dict[str, str], settings: Settings) -> None:
    result = run_rebuild(environment, settings, "links", "zqx", "--json")
    assert result.returncode == 2
    assert "zqx: There is no such read model; there are people, meeting_types" in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_while_another_one_runs(environment: dict[str, str], settings: Settings, database: Database) -> None:
    live_tables.ensure_tables(database)
    with closing(RebuildLock.acquire(database).connection):
        result = run_rebuild(environment, settings)
    assert result.returncode == 1
    assert "A rebuild is running already" in result.stderr
