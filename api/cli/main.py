"""The command line's application and its main commands: `oncelink --help`."""

import json
import logging
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli import doctor as checks
from api.cli import erase, export, extension, history, keys, reconcile, tallies, verify
from api.cli.command_context import (
    Json,
    Unsafe,
    console,
    explain_errors,
    print_answer,
    run_configured_database,
    use_services,
)
from api.cli.people import add_person, create_sign_in_url, find_machine_zone, make_api_key
from api.cli.rebuild import rebuild
from api.server import get_service_role, run_database, serve
from api.settings import NO_MAIL_SERVER, WrongSetting, read_settings
from api.startup import open_services
from store.schema import migrate_schema

log = logging.getLogger("oncelink")

app = typer.Typer(
    name="oncelink",
    help="Booking links, and single-use links that book exactly one meeting, ever.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
person_app = typer.Typer(help="People of the organisation.", no_args_is_help=True)
app.add_typer(person_app, name="person")
app.add_typer(extension.extension_app, name="extension")
app.add_typer(keys.keys_app, name="keys")
history.register_commands(app)
app.command()(erase.erase)
app.command()(export.export)
app.command()(rebuild)
verify.register_commands(app)
app.command()(reconcile.reconcile)
app.command(name="restore-tallies")(tallies.restore_tallies)


def tell_version(is_requested: bool) -> None:
    """Print the version for `--version`, and exit."""
    if is_requested:
        print(f"oncelink {version('oncelink')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """What stands before every command."""


@app.command(name="demo")
def start_demo(
    port: Annotated[int, typer.Option(help="The port to serve on.")] = 8000,
    data: Annotated[Path | None, typer.Option(help="Where the database is kept; default .oncelink.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away an earlier demo first.")] = False,
    as_json: Json = False,
) -> None:
    """Everything on an empty machine: database, sample organisation, server."""
    from api.demo.demo import run_demo

    with explain_errors():
        base_url = f"http://127.0.0.1:{port}"
        settings = read_settings(base_url=base_url, **({} if data is None else {"data_dir": data}))
        run_demo(settings, port, fresh, as_json)


@app.command(name="serve")
def run_server(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    unsafe: Unsafe = False,
) -> None:
    """The production server; with no database configured, on the embedded one."""
    from api.http.bounded_protocol import build_protocol_factory  # with the web framework, which no other command needs

    with explain_errors(), run_configured_database(unsafe, creates=True) as settings:
        open_services(settings).close()
        if settings.mail_method == "none":
            log.warning("%s", NO_MAIL_SERVER)
        serve(settings, host, port, workers, build_protocol_factory(settings))


@app.command()
def follow(unsafe: Unsafe = False) -> None:
    """Keep the read models up to date in a process of its own; one leads, the others stand by."""
    with explain_errors(), run_configured_database(unsafe) as settings:
        services = open_services(settings, makes_codes=False, role="follow")
        services.follower.on_leader_change = print_leader
        try:
            with suppress(KeyboardInterrupt):  # the way to stop it, and so no failure
                services.start("follower")
                services.follower.run()
        finally:
            services.close()


def print_leader(leader: str | None) -> None:
    """Print who keeps the read models up to date now: this process, for None, or another one."""
    text = f"Standing by: {leader} leads." if leader else "Leading: this process keeps the read models up to date."
    print(text, flush=True)


@app.command(name="migrate")
def run_migrations(as_json: Json = False) -> None:
    """Create or upgrade the schema, as the owner's role (ONCELINK_OWNER_DATABASE_URL)."""
    with explain_errors():
        settings = read_settings()
        if settings.owner_database_url:
            migrations = migrate_schema(settings.owner_database_url, settings.db_schema, get_service_role(settings))
        elif settings.database_url:
            raise WrongSetting("ONCELINK_OWNER_DATABASE_URL: set it to the owner's role, which may create the schema.")
        else:
            with run_database(settings, creates=True):
                migrations = []
        if as_json:
            print(json.dumps({"schema": settings.db_schema, "migrations": migrations}))
        else:
            console.print(f"Schema {settings.db_schema} is up to date; {len(migrations)} migrations were run.")


@person_app.command(name="add")
def create_person(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    role: Annotated[list[str], typer.Option(help="member, manager, admin, auditor or analyst; repeat for more.")],
    name: Annotated[str | None, typer.Option(help="The person's name; made from the address when absent.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The person's IANA time zone; that of this machine when absent.")
    ] = None,
    invite: Annotated[
        bool | None,
        typer.Option("--invite/--no-invite", help="Mail an invitation; by default where there is a mail server."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a person."""
    with explain_errors(), use_services() as services:
        zone = time_zone or find_machine_zone()
        is_invited = services.settings.mail_method != "none" if invite is None else invite
        id = add_person(services, email, role, name, zone, is_invited)
        text = f"Added {email} in the time zone {zone}; they confirm it or change it when they first sign in."
        print_answer(as_json, {"id": str(id), "email": email, "time_zone": zone}, text)


@app.command(name="sign-in")
def print_sign_in_url(email: Annotated[str, typer.Argument(help="Who signs in.")], as_json: Json = False) -> None:
    """Print a sign-in URL: for one use, within 15 minutes."""
    with explain_errors(), use_services() as services:
        url = create_sign_in_url(services, email)
        print_answer(as_json, {"sign_in_url": url}, url)


@app.command(name="api-key")
def print_api_key(
    email: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "Command line",
    as_json: Json = False,
) -> None:
    """Make an API key; it is shown this once."""
    with explain_errors(), use_services() as services:
        key = make_api_key(services, email, name)
        print_answer(as_json, {"api_key": key}, key)


@app.command(name="doctor")
def run_doctor(
    mail: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Send a mail to this address too.")] = None,
    as_json: Json = False,
) -> None:
    """Check durability, roles, time zones, clock, follower, secrets and mail: each ok, or what to do."""
    with explain_errors(), run_configured_database(unsafe=True) as settings:
        findings = checks.run_checks(settings, mail)
        if as_json:
            print(json.dumps([check.__dict__ for check in findings]))
        else:
            checks.print_checks(findings, Console())
        raise typer.Exit(0 if all(check.ok for check in findings) else 1)
