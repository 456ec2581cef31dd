"""Driver of the command line for tests: commands run in this process, which they may not disturb."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner, Result

from api.cli import command_context, main
from api.settings import Settings


@contextmanager
def isolate_process() -> Iterator[None]:
    """Hide this process's settings and logging from commands, and restore its signal handlers afterwards."""
    previous_handlers = {number: signal.getsignal(number) for number in command_context.STOP_SIGNALS}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ONCELINK_")]:
            patch.delenv(name)
        patch.setattr(command_context, "configure_logging", lambda form: None)
        yield
    for number, handler in previous_handlers.items():
        signal.signal(number, handler)


def build_environment(settings: Settings) -> dict[str, str]:
    """Build the environment variables with which a command reads these settings."""
    return {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
        "ONCELINK_BASE_URL": settings.base_url,
    }


def run_command(environment: Mapping[str, str], *arguments: object) -> Result:
    """Run a command in this process."""
    with isolate_process():
        return CliRunner().invoke(main.app, [str(argument) for argument in arguments], env=dict(environment))


def read_error(result: Result) -> str:
    """Return standard error as one line."""
    return " ".join(result.stderr.split())
