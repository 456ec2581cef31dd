"""What a database still holds about a person: all tables and views of its schemas, and a dump."""

import subprocess
from collections.abc import Iterator

import psycopg
from psycopg import sql

from store.embedded.binaries import find_binaries

RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'v', 'm', 'p')
"""
# unsalted or with a salt that is still there, these would answer a guess
DETAILS_WITHOUT_EVENT = """
SELECT count(*) FROM {schema}.events e WHERE e.data ->> 'details_id' IS NOT NULL
AND NOT EXISTS (SELECT FROM {schema}.personal_details d WHERE d.id = (e.data ->> 'details_id')::uuid)
AND NOT EXISTS (
    SELECT FROM {schema}.events g WHERE g.stream_id = e.stream_id AND g.position > e.position
    AND g.type = 'PersonalDetailsErased.v1' AND g.data -> 'details_ids' ? (e.data ->> 'details_id'))
"""
DETAILS_DESPITE_EVENT = """
SELECT count(*) FROM {schema}.events g, jsonb_array_elements_text(g.data -> 'details_ids') gone
JOIN {schema}.personal_details d ON d.id = gone::uuid WHERE g.type = 'PersonalDetailsErased.v1'
"""


def iterate_relations(superuser_url: str, schema: str) -> Iterator[tuple[str, str]]:
    """Iterate over the content of every table and view, in lower case."""
    with psycopg.connect(superuser_url) as connection:
        for schema_name, name in connection.execute(RELATIONS, ([schema, f"{schema}_reporting"],)).fetchall():
            query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema_name, name))
            with connection.cursor().copy(query) as copy:
                yield name, b"".join(copy).decode().lower()


def run_pg_dump(superuser_url: str, schema: str) -> str:
    """Return the output of pg_dump, in lower case."""
    command = [str(find_binaries() / "pg_dump"), "--schema", f"{schema}*", superuser_url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.lower()


def count_unexplained_details(superuser_url: str, schema: str) -> tuple[int, int]:
    """Count personal details that are gone without an event, and ones that exist despite such an event."""
    names = {"schema": sql.Identifier(schema)}
    with psycopg.connect(superuser_url) as connection:
        counts = [
            connection.execute(sql.SQL(query).format(**names)).fetchone()
            for query in (DETAILS_WITHOUT_EVENT, DETAILS_DESPITE_EVENT)
        ]
    return counts[0][0], counts[1][0]  # type: ignore[index]
