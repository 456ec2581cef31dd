"""The command line: `oncelink --help`."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from api import doctor as checks
from api.app import UnsafeDatabase, opened
from api.composition import Oncelink
from api.logs import configure
from api.people_by_hand import add_person, make_api_key, sign_in_url
from api.serving import database, serve, service_role
from api.settings import Settings, WrongSetting, read_settings
from domain.refusals import Invalid, Refusal
from store.database import DatabaseAway
from store.schema import SchemaProblem, migrate

app = typer.Typer(
    name="oncelink",
    help="Booking links, and single-use links that book exactly one meeting, ever.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
person_app = typer.Typer(help="People of the organisation.", no_args_is_help=True)
app.add_typer(person_app, name="person")
console = Console(stderr=True)
ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Start although the database could lose or change bookings.")]


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="The port to serve on.")] = 8000,
    data: Annotated[Path | None, typer.Option(help="Where the database is kept; default .oncelink.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away an earlier demo first.")] = False,
    as_json: Json = False,
) -> None:
    """Everything on an empty machine: database, sample organisation, server."""
    from api.demo import run

    with explained():
        base_url = f"http://127.0.0.1:{port}"
        settings = read_settings(base_url=base_url, **({} if data is None else {"data_dir": data}))
        run(settings, port, fresh, as_json)


@app.command(name="serve")
def serve_command(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    unsafe: Unsafe = False,
) -> None:
    """The production server; with no database configured, on the embedded one."""
    with explained(), configured(unsafe) as settings:
        opened(settings).close()
        serve(settings, host, port, workers)


@app.command()
def follow(unsafe: Unsafe = False) -> None:
    """Keep the read models up to date in a process of its own; one leads, the others stand by."""
    with explained(), configured(unsafe) as settings:
        oncelink = opened(settings)
        try:
            with suppress(KeyboardInterrupt):  # the way to stop it, and so no failure
                oncelink.follower.run()
        finally:
            oncelink.close()


@app.command(name="migrate")
def migrate_command(as_json: Json = False) -> None:
    """Create or upgrade the schema, as the owner's role (ONCELINK_OWNER_DATABASE_URL)."""
    with explained():
        settings = read_settings()
        if settings.owner_database_url:
            done = migrate(settings.owner_database_url, settings.db_schema, service_role(settings))
        elif settings.database_url:
            raise WrongSetting("ONCELINK_OWNER_DATABASE_URL: set it to the owner's role, which may create the schema.")
        else:
            with database(settings):
                done = []
        if as_json:
            print(json.dumps({"schema": settings.db_schema, "migrations": done}))
        else:
            console.print(f"Schema {settings.db_schema} is up to date; {len(done)} migrations were run.")


@person_app.command(name="add")
def person_add(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    role: Annotated[list[str], typer.Option(help="member, manager, admin, auditor or analyst; repeat for more.")],
    name: Annotated[str | None, typer.Option(help="The person's name; made from the address when absent.")] = None,
    time_zone: Annotated[str, typer.Option(help="The person's IANA time zone.")] = "UTC",
    as_json: Json = False,
) -> None:
    """Add a person."""
    with explained(), composed() as oncelink:
        id = add_person(oncelink, email, role, name, time_zone)
        tell(as_json, {"id": str(id), "email": email}, f"Added {email}.")


@app.command(name="sign-in")
def sign_in(email: Annotated[str, typer.Argument(help="Who signs in.")], as_json: Json = False) -> None:
    """Print a sign-in URL: for one use, within 15 minutes."""
    with explained(), composed() as oncelink:
        url = sign_in_url(oncelink, email)
        tell(as_json, {"sign_in_url": url}, url)


@app.command(name="api-key")
def api_key(
    email: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "Command line",
    as_json: Json = False,
) -> None:
    """Make an API key; it is shown this once."""
    with explained(), composed() as oncelink:
        key = make_api_key(oncelink, email, name)
        tell(as_json, {"api_key": key}, key)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check durability, roles, time zones, clock, follower and secrets: each ok, or what to do."""
    with explained(), configured(unsafe=True) as settings:
        found = checks.examine(settings)
        if as_json:
            print(json.dumps([check.__dict__ for check in found]))
        else:
            checks.show(found, Console())
        raise typer.Exit(0 if all(check.ok for check in found) else 1)


@contextmanager
def configured(unsafe: bool) -> Iterator[Settings]:
    """The settings with a running database."""
    settings = read_settings()
    configure(settings.log_format)
    with database(settings.model_copy(update={"unsafe": unsafe or settings.unsafe})) as ready:
        yield ready


@contextmanager
def composed() -> Iterator[Oncelink]:
    """The parts, for one command."""
    with database(read_settings()) as settings:
        oncelink = opened(settings)
        try:
            yield oncelink
        finally:
            oncelink.close()


@contextmanager
def explained() -> Iterator[None]:
    """Says in one sentence why a command cannot do its work: exit code 2 for wrong settings or arguments, else 1."""
    for number in ENDINGS:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores one of them, and means it
            signal.signal(number, interrupted)
    try:
        yield
    except (WrongSetting, Invalid) as error:
        stop(f"{error.field}: {error.message}" if isinstance(error, Invalid) else str(error), 2)
    except Refusal as error:
        stop(error.sentence, 1)
    except (SchemaProblem, UnsafeDatabase, DatabaseAway, psycopg.OperationalError) as error:
        stop(str(error), 1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        if type(error).__name__ != "DatabaseUnavailable":
            raise
        stop(str(error), 1)


def stop(sentence: str, code: int) -> None:
    """Ends the command with a sentence on standard error."""
    console.print(sentence, style="red", highlight=False, markup=False)
    raise typer.Exit(code) from None


def interrupted(number: int, frame: FrameType | None) -> None:
    """A closed terminal and SIGTERM end like Ctrl-C, so that an embedded database is stopped too."""
    raise KeyboardInterrupt


def tell(as_json: bool, facts: dict[str, Any], sentence: str) -> None:
    """The answer of a command, on standard output."""
    print(json.dumps(facts) if as_json else sentence, file=sys.stdout)
