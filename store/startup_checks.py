"""What must be true of a database before it may hold bookings: durable writes, and a log nobody can change."""

from typing import Any

from psycopg import Connection, sql
from psycopg.rows import scalar_row

DURABLE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
}
FORBIDDEN = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
MAY = "SELECT has_table_privilege(session_user, format('%%I.events', %s::text), %s)"


def durability_problems(connection: Connection[Any]) -> list[str]:
    """The settings by which an acknowledged booking could be lost, each in a sentence; none when all is well."""
    problems = []
    with connection.cursor(row_factory=scalar_row) as cursor:
        for name, safe in DURABLE.items():
            value = cursor.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            if value not in safe:
                problems.append(f"{name} is {value}: set it to on, or acknowledged bookings can be lost.")
    return problems


def log_problems(connection: Connection[Any], schema: str) -> list[str]:
    """What the service's role may do to the log and must not, each in a sentence; none when all is well."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        held = [right for right in FORBIDDEN if cursor.execute(MAY, (schema, right)).fetchone()]
    if not held:
        return []
    return [f"The service's role may {', '.join(held)} on the log: use a role of its own, apart from the owner's."]


def problems(connection: Connection[Any], schema: str) -> list[str]:
    """Everything for which a start is refused."""
    return durability_problems(connection) + log_problems(connection, schema)
