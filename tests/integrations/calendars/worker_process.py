"""Couriers in a process of their own, to be killed: `python -m tests.integrations.calendars.worker_process CLOCK`.

The settings come from the environment; `CLOCK` is a file with the seconds that their clock is ahead.
"""

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from api import clock
from api.services import compose_services
from api.settings import read_settings
from integrations import outbox_worker
from integrations.calendars.calendar_worker import CalendarWorker
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from store.database import Database

TIMING = OutboxTiming(idle=0.05, lease=timedelta(seconds=60), first_pause=0.05, max_pause=0.1)


def run_worker(file: Path) -> None:
    """Run a worker until the process is killed."""

    def read_fast_clock() -> datetime:
        return clock.read_clock() + timedelta(seconds=float(file.read_text(encoding="utf-8") or "0"))

    outbox_worker.read_clock = read_fast_clock  # type: ignore[attr-defined]
    settings = read_settings()
    services = compose_services(
        settings, Database(settings.database_url, settings.db_schema, settings.pool_size).open()
    )
    OutboxWorker(services, TIMING).start()
    CalendarWorker(services, TIMING).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    run_worker(Path(sys.argv[1]))
