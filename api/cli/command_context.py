"""What every command shares: the database, the services, options and exit codes."""

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

from api.logging_setup import configure_logging
from api.server import run_database
from api.services import Services
from api.settings import Settings, WrongSetting, read_settings
from api.startup import UnsafeDatabase, open_services
from domain.refusals import Invalid, Refusal
from store.database import DatabaseAway
from store.schema import SchemaProblem

console = Console(stderr=True)
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Start although the database could lose or change bookings.")]


@contextmanager
def run_configured_database(unsafe: bool, creates: bool = False) -> Iterator[Settings]:
    """Run the configured database and set up logging; yields the settings with its URL."""
    settings = read_settings()
    configure_logging(settings.log_format)
    with run_database(settings.model_copy(update={"unsafe": unsafe or settings.unsafe}), creates) as running_settings:
        yield running_settings


@contextmanager
def use_services() -> Iterator[Services]:
    """Open the services for one command, and close them."""
    with run_database(read_settings()) as settings:
        services = open_services(settings, makes_codes=False)
        try:
            yield services
        finally:
            services.close()


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn errors into one sentence on standard error: exit code 2 for wrong settings or arguments, else 1."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP on purpose: keep that
            signal.signal(number, raise_keyboard_interrupt)
    try:
        yield
    except (WrongSetting, Invalid) as error:
        exit_with_error(f"{error.field}: {error.message}" if isinstance(error, Invalid) else str(error), 2)
    except Refusal as error:
        exit_with_error(error.sentence, 1)
    except (SchemaProblem, UnsafeDatabase, DatabaseAway, psycopg.OperationalError) as error:
        exit_with_error(str(error), 1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        if type(error).__name__ != "DatabaseUnavailable":
            raise
        exit_with_error(str(error), 1)


def exit_with_error(sentence: str, code: int) -> None:
    """Print a sentence on standard error and exit."""
    console.print(sentence, style="red", highlight=False, markup=False)
    raise typer.Exit(code) from None


def raise_keyboard_interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that an embedded database is stopped too."""
    raise KeyboardInterrupt


def print_answer(as_json: bool, data: dict[str, Any], sentence: str) -> None:
    """Print a command's answer on standard output, as JSON or as a sentence."""
    print(json.dumps(data) if as_json else sentence, file=sys.stdout)
