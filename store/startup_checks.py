"""Checks at the start: the database must write durably, and the service's role must not change the log."""

from typing import Any

from psycopg import Connection, sql
from psycopg.rows import scalar_row

DURABLE_SETTINGS = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
}
FORBIDDEN_PRIVILEGES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
HAS_PRIVILEGE = "SELECT has_table_privilege(session_user, format('%%I.events', %s::text), %s)"


def find_durability_problems(connection: Connection[Any]) -> list[str]:
    """Returns a sentence for each setting by which an acknowledged booking could be lost."""
    problems = []
    with connection.cursor(row_factory=scalar_row) as cursor:
        for name, safe_values in DURABLE_SETTINGS.items():
            value = cursor.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            if value not in safe_values:
                problems.append(f"{name} is {value}: set it to on, or acknowledged bookings can be lost.")
    return problems


def find_log_problems(connection: Connection[Any], schema: str) -> list[str]:
    """Returns a sentence if the service's role has privileges on the log that it must not have."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        privileges = [
            privilege
            for privilege in FORBIDDEN_PRIVILEGES
            if cursor.execute(HAS_PRIVILEGE, (schema, privilege)).fetchone()
        ]
    if not privileges:
        return []
    return [
        f"The service's role may {', '.join(privileges)} on the log: use a role of its own, apart from the owner's."
    ]


def find_problems(connection: Connection[Any], schema: str) -> list[str]:
    """Returns everything for which a start is refused."""
    return find_durability_problems(connection) + find_log_problems(connection, schema)
