"""What every command of the command line shares: its database, its parts, its options, and how it ends."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from api.logging_setup import configure
from api.server import database
from api.services import Oncelink
from api.settings import Settings, WrongSetting, read_settings
from api.startup import UnsafeDatabase, opened
from domain.refusals import Invalid, Refusal
from store.database import DatabaseAway
from store.schema import SchemaProblem

console = Console(stderr=True)
ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Start although the database could lose or change bookings.")]


@contextmanager
def configured(unsafe: bool, creates: bool = False) -> Iterator[Settings]:
    """The settings with a running database, which is made only for a command that `creates`. Raises WrongSetting."""
    settings = read_settings()
    configure(settings.log_format)
    with database(settings.model_copy(update={"unsafe": unsafe or settings.unsafe}), creates) as ready:
        yield ready


@contextmanager
def composed() -> Iterator[Oncelink]:
    """The parts, for one command, which creates no database. Raises WrongSetting."""
    with database(read_settings()) as settings:
        oncelink = opened(settings, makes_codes=False)
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
