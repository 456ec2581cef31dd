"""`oncelink keys`: the secret keys that made codes in this log, by their fingerprints, and retiring one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from api.cli.command_context import Json, console, explain_errors, print_answer, run_configured_database
from api.settings import Settings
from domain.refusals import Invalid
from store.credentials.key_fingerprints import Dependents, RecordedKey, RecordedKeys, compute_fingerprint
from store.database import Database
from store.schema import check_schema_current

keys_app = typer.Typer(help="The secret keys that this log knows, by their fingerprints.", no_args_is_help=True)


@contextmanager
def open_recorded_keys() -> Iterator[tuple[Settings, RecordedKeys]]:
    """Open the keys that the log records; needs and generates no secret key. Raises SchemaProblem, WrongSetting."""
    with (
        run_configured_database(unsafe=True) as settings,
        Database(settings.database_url, settings.db_schema, settings.pool_size).connect() as connection,
    ):
        check_schema_current(connection, settings.db_schema)
        yield settings, RecordedKeys(connection, settings.db_schema)


@keys_app.command(name="list")
def list_keys(as_json: Json = False) -> None:
    """Show each key that made codes in this log: whether it is set, and how much opens only with it."""
    with explain_errors(), open_recorded_keys() as (settings, recorded_keys):
        configured = [compute_fingerprint(key) for key in settings.existing_keys]
        rows = [
            describe_key(key, configured, recorded_keys.count_dependents(key.fingerprint))
            for key in recorded_keys.list_keys()
        ]
        if as_json:
            print(json.dumps(rows))
        for row in [] if as_json else rows:
            print(f"{row['fingerprint']}  {row['state']:8}  since {row['first_used_at']}, {describe_cost(row)}")
        if not rows:
            console.print("No key has made codes in this log yet.")


@keys_app.command(name="retire")
def retire_key(
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="The key, as `oncelink keys list` shows it.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what it costs.")] = False,
    as_json: Json = False,
) -> None:
    """Give up a secret key: start without it, and let everything that opens only with it answer 404."""
    with explain_errors(), open_recorded_keys() as (settings, recorded_keys):
        key = find_key(recorded_keys, fingerprint)
        configured = [compute_fingerprint(secret_key) for secret_key in settings.existing_keys]
        if configured[:1] == [key.fingerprint]:
            raise Invalid("fingerprint", "This key makes codes: put another one before it, restart, then retire it.")
        row = describe_key(key, configured, recorded_keys.count_dependents(key.fingerprint))
        if yes:
            recorded_keys.retire_key(key.fingerprint)
            row["state"] = "retired"
        retired = row["state"] == "retired"
        end = "is retired" if retired else "would be retired: say --yes to do it"
        print_answer(as_json, row, f"The key {key.fingerprint} {end}; {describe_cost(row)}.")
        raise typer.Exit(0 if retired else 1)


def find_key(recorded_keys: RecordedKeys, fingerprint: str) -> RecordedKey:
    """Find the key with this fingerprint. Raises Invalid."""
    for key in recorded_keys.list_keys():
        if key.fingerprint == fingerprint.strip().lower():
            return key
    raise Invalid("fingerprint", "No key with this fingerprint made codes in this log; see `oncelink keys list`.")


def describe_key(key: RecordedKey, configured: list[str], dependents: Dependents) -> dict[str, Any]:
    """Describe a key for a machine."""
    return {
        "fingerprint": key.fingerprint,
        "state": get_state(key, configured),
        "first_used_at": key.first_used_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "single_use_links": dependents.single_use_links,
        "meetings": dependents.meetings,
        "calendar_addresses": dependents.calendar_addresses,
    }


def get_state(key: RecordedKey, configured: list[str]) -> str:
    """Return `first` for the key that makes codes, `set` for one that only opens them, `retired` or `missing`."""
    if key.retired_at is not None:
        return "retired"
    if key.fingerprint not in configured:
        return "missing"
    return "first" if configured[0] == key.fingerprint else "set"


def describe_cost(row: dict[str, Any]) -> str:
    """Describe in words what opens only with a key."""
    return (
        f"at most {row['single_use_links']} unused single-use links, {row['meetings']} meetings to come and "
        f"{row['calendar_addresses']} calendar addresses open only with it"
    )
