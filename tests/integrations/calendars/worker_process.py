"""Outbox workers in a process of their own: `python -m tests.integrations.calendars.worker_process CLOCK`.

The settings come from the environment; `CLOCK` is a file with the seconds that their clock is ahead.
"""

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from api.clock import read_clock
from api.composition.outbox import build_calendar_delivery, build_mail_delivery, build_outbox_context
from api.composition.root import build_services
from api.settings import read_settings
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from store.database import Database

TIMING = OutboxTiming(idle=0.05, lease=timedelta(seconds=60), first_pause=0.05, max_pause=0.1)


def run_workers(file: Path) -> None:
    """Run a worker for mail and one for calendars until the process is killed."""

    def read_fast_clock() -> datetime:
        return read_clock() + timedelta(seconds=float(file.read_text(encoding="utf-8") or "0"))

    settings = read_settings()
    database = Database(settings.database_url, settings.db_schema, settings.pool_size).open()
    services = build_services(settings, database, read_fast_clock)
    for delivery in (build_mail_delivery(services), build_calendar_delivery(services)):
        OutboxWorker(build_outbox_context(services), delivery, TIMING).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    run_workers(Path(sys.argv[1]))
