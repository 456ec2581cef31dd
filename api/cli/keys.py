"""`oncelink keys`: the secret keys that made codes in this log, by their fingerprints, and giving one up."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from api.cli.command_context import Json, console, explain_errors, print_answer, run_configured_database
from api.settings import Settings
from domain.refusals import Invalid
from store.credentials.key_fingerprints import Dependents, KnownKey, KnownKeys, fingerprint
from store.database import Database
from store.schema import check_schema_current

keys_app = typer.Typer(help="The secret keys that this log knows, by their fingerprints.", no_args_is_help=True)


@contextmanager
def known_keys() -> Iterator[tuple[Settings, KnownKeys]]:
    """The keys of the log, also for somebody who has none of them; makes none. Raises SchemaProblem, WrongSetting."""
    with (
        run_configured_database(unsafe=True) as settings,
        Database(settings.database_url, settings.db_schema, settings.pool_size).connect() as connection,
    ):
        check_schema_current(connection, settings.db_schema)
        yield settings, KnownKeys(connection, settings.db_schema)


@keys_app.command(name="list")
def list_keys(as_json: Json = False) -> None:
    """Show each key that made codes in this log: whether it is set, and how much opens only with it."""
    with explain_errors(), known_keys() as (settings, known):
        held = [fingerprint(key) for key in settings.found_keys]
        facts = [facts_on(key, held, known.dependents(key.fingerprint)) for key in known.all()]
        if as_json:
            print(json.dumps(facts))
        for fact in [] if as_json else facts:
            print(f"{fact['fingerprint']}  {fact['state']:8}  since {fact['first_used_at']}, {costs(fact)}")
        if not facts:
            console.print("No key has made codes in this log yet.")


@keys_app.command()
def retire(
    which: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The key, as `oncelink keys list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what it costs.")] = False,
    as_json: Json = False,
) -> None:
    """Give up a secret key: start without it, and let everything that opens only with it answer 404."""
    with explain_errors(), known_keys() as (settings, known):
        key = known_key(known, which)
        held = [fingerprint(one) for one in settings.found_keys]
        if held[:1] == [key.fingerprint]:
            raise Invalid("fingerprint", "This key makes codes: put another one before it, restart, then retire it.")
        fact = facts_on(key, held, known.dependents(key.fingerprint))
        if yes:
            known.retire(key.fingerprint)
            fact["state"] = "retired"
        retired = fact["state"] == "retired"
        end = "is retired" if retired else "would be retired: say --yes to do it"
        print_answer(as_json, fact, f"The key {key.fingerprint} {end}; {costs(fact)}.")
        raise typer.Exit(0 if retired else 1)


def known_key(known: KnownKeys, which: str) -> KnownKey:
    """The key with this fingerprint. Raises Invalid."""
    for key in known.all():
        if key.fingerprint == which.strip().lower():
            return key
    raise Invalid("fingerprint", "No key with this fingerprint made codes in this log; see `oncelink keys list`.")


def facts_on(key: KnownKey, held: list[str], dependents: Dependents) -> dict[str, Any]:
    """What a machine reads of a key."""
    return {
        "fingerprint": key.fingerprint,
        "state": state_of(key, held),
        "first_used_at": key.first_used_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "single_use_links": dependents.single_use_links,
        "meetings": dependents.meetings,
        "calendar_addresses": dependents.calendar_addresses,
    }


def state_of(key: KnownKey, held: list[str]) -> str:
    """Whether a key makes codes, only opens them, was given up, or is missing."""
    if key.retired_at is not None:
        return "retired"
    if key.fingerprint not in held:
        return "missing"
    return "first" if held[0] == key.fingerprint else "set"


def costs(fact: dict[str, Any]) -> str:
    """What opens only with a key, in words."""
    return (
        f"at most {fact['single_use_links']} unused single-use links, {fact['meetings']} meetings to come and "
        f"{fact['calendar_addresses']} calendar addresses open only with it"
    )
