"""An outbox worker as a process with a clock twenty times as fast, for a test that kills it repeatedly."""

import sys
import time
from datetime import UTC, datetime, timedelta

from api.composition.outbox import build_mail_delivery, build_outbox_context
from api.composition.root import build_services
from api.settings import read_settings
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from store.database import Database

SPEED = 20


def run_worker(started_at: float) -> None:
    """Run a worker until the process is killed."""

    def read_fast_clock() -> datetime:
        return datetime.fromtimestamp(started_at + SPEED * (time.time() - started_at), UTC)

    settings = read_settings()
    database = Database(settings.database_url, settings.db_schema, 2).open()
    services = build_services(settings, database, read_fast_clock)
    timing = OutboxTiming(idle=0.02, lease=timedelta(seconds=SPEED * 1.5), first_pause=0.05, max_pause=0.2)
    worker = OutboxWorker(build_outbox_context(services), build_mail_delivery(services), timing)
    print("ready", flush=True)
    worker.run()


if __name__ == "__main__":
    run_worker(float(sys.argv[1]))
