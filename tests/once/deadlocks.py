"""Count the deadlocks of a database."""

import psycopg

from tests.waiting import wait_until

COUNT = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s)"
BACKENDS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = %s"


def count_deadlocks(superuser_url: str) -> int:
    """Count the deadlocks that PostgreSQL has recorded in a database."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        row = connection.execute(COUNT).fetchone()
    assert row is not None
    return int(row[0])


def end_backends(superuser_url: str, application_name: str) -> None:
    """End every backend of an application; a backend reports its statistics at the latest when it ends."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        pids = connection.execute(BACKENDS, (application_name,)).fetchone()
        connection.execute(END, (application_name,))
        wait_until(lambda: connection.execute(CONNECTED, pids).fetchone() == (0,), "every backend has ended")
