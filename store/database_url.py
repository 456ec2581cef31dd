"""The rule for the URL of a database; no message about it holds a part of the URL, which may be its password."""

import re

import psycopg
from psycopg import conninfo

SCHEMES = ("postgresql://", "postgres://")
PORTS = re.compile(r"(\d{1,5})?(,(\d{1,5})?)*")  # one for each host


def check_database_url(url: str) -> None:
    """Check that libpq can read a URL, and that none of its parts is a torn password.

    A password with `@`, `/` or `?` in it would become a part of the host, the port or the database's name, which error
    messages of libpq show. Raises ValueError, whose message holds no part of the URL.
    """
    if not url.startswith(SCHEMES):
        raise ValueError(
            "must begin with postgresql://, without a driver such as +psycopg and without jdbc: in front of it"
        )
    try:
        parts = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items()}
    except (psycopg.Error, UnicodeError):
        raise ValueError(
            "cannot be read as a URL of PostgreSQL; write special characters of the password as in %40 for @ and %25 "
            "for %, and only parameters of libpq after the question mark"
        ) from None
    is_torn = any("@" in parts.get(name, "") for name in ("host", "dbname", "hostaddr"))
    if is_torn or not PORTS.fullmatch(parts.get("port", "")):
        raise ValueError(
            "must be postgresql://user:password@host:port/database; write special characters of the password as in "
            "%40 for @, %2F for / and %3F for ?"
        )
