"""Names of connections, by which `pg_stat_activity` says which of our processes holds each, and for what."""

import os
import socket
from typing import Literal

from psycopg import conninfo

Role = Literal["web", "follow", "follower", "listener", "notifier", "outbox", "rebuild", "verify", "command"]

MAX_NAME_BYTES = 63  # what PostgreSQL keeps (NAMEDATALEN - 1)


def build_connection_name(url: str, schema: str, role: Role) -> str:
    """Returns a connection's `application_name`: that of the URL, if any, else `{schema} {role} {host}:{process}`."""
    own_name = conninfo.conninfo_to_dict(url).get("application_name")
    return str(own_name) if own_name else cut_name(f"{schema} {role} {get_process_name()}")


def get_process_name() -> str:
    """Returns this process's name among all that may use a database: `{host}:{process number}`."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}"


def cut_name(name: str) -> str:
    """Returns a name as long as PostgreSQL keeps it."""
    return name.encode()[-MAX_NAME_BYTES:].decode(errors="ignore")
