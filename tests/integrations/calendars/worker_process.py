"""Couriers in a process of their own, to be killed: `python -m tests.integrations.calendars.worker_process CLOCK`.

The settings come from the environment; `CLOCK` is a file with the seconds that their clock is ahead.
"""

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from api import clock
from api.services import compose
from api.settings import read_settings
from integrations import outbox_worker
from integrations.calendars.calendar_worker import CalendarCourier
from integrations.outbox_worker import Courier, Pace
from store.database import Database

PACE = Pace(idle=0.05, lease=timedelta(seconds=60), first_pause=0.05, longest_pause=0.1)


def main(file: Path) -> None:
    """Works until it is killed."""

    def ahead() -> datetime:
        return clock.now() + timedelta(seconds=float(file.read_text(encoding="utf-8") or "0"))

    outbox_worker.now = ahead  # type: ignore[attr-defined]
    settings = read_settings()
    oncelink = compose(settings, Database(settings.database_url, settings.db_schema, settings.pool_size).open())
    Courier(oncelink, PACE).start()
    CalendarCourier(oncelink, PACE).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
