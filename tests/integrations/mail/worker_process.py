"""An outbox worker as a process with a clock twenty times as fast, for a test that kills it repeatedly."""

import sys
import time
from datetime import UTC, datetime, timedelta

from api.services import compose_services
from api.settings import read_settings
from integrations import outbox_worker
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from store.database import Database

SPEED = 20


def run_worker(started_at: float) -> None:
    """Run a worker until the process is killed."""

    def read_fast_clock() -> datetime:
        return datetime.fromtimestamp(started_at + SPEED * (time.time() - started_at), UTC)

    outbox_worker.read_clock = read_fast_clock  # type: ignore[attr-defined]
    settings = read_settings()
    services = compose_services(settings, Database(settings.database_url, settings.db_schema, 2).open())
    timing = OutboxTiming(idle=0.02, lease=timedelta(seconds=SPEED * 1.5), first_pause=0.05, max_pause=0.2)
    worker = OutboxWorker(services, timing)
    print("ready", flush=True)
    worker.run()


if __name__ == "__main__":
    run_worker(float(sys.argv[1]))
