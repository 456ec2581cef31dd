"""A courier in a process of its own, with a clock twenty times as fast, for a test that kills it again and again."""

import sys
import time
from datetime import UTC, datetime, timedelta

from api.services import compose
from api.settings import read_settings
from integrations import outbox_worker
from integrations.outbox_worker import Courier, Pace
from store.database import Database

SPEED = 20


def main(began: float) -> None:
    """Hands over what is due until it is killed."""

    def fast() -> datetime:
        return datetime.fromtimestamp(began + SPEED * (time.time() - began), UTC)

    outbox_worker.now = fast  # type: ignore[attr-defined]
    settings = read_settings()
    oncelink = compose(settings, Database(settings.database_url, settings.db_schema, 2).open())
    pace = Pace(idle=0.02, lease=timedelta(seconds=SPEED * 1.5), first_pause=0.05, longest_pause=0.2)
    found = Courier(oncelink, pace)
    print("ready", flush=True)
    found.run()


if __name__ == "__main__":
    main(float(sys.argv[1]))
