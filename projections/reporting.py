"""The views that analysts query: flat columns named as in the API, over the live tables."""

import hashlib
from typing import Any

from psycopg import Connection
from psycopg.errors import InvalidTableDefinition, LockNotAvailable

from projections import links, meeting_log, single_use_links, teams, usage
from projections.catalogue import READ_MODELS
from projections.queries.query import build_query, compile_statement, select_table_rows
from projections.read_model import ReadModel
from projections.table_lookup import find_live_tables
from store.database import Database
from store.schema import ANALYST_ROLE

VIEWS = {
    # the URL of somebody's busy feed is a secret
    "events": """SELECT e.position, e.recorded_at, e.stream_id, e.version, e.type, e.data -> 'actor' AS actor,
            e.data - 'busy_feed_url' AS data
        FROM {schema}.events AS e""",
    "links": links.VIEW,
    "teams": teams.VIEW,
    "single_use_links": single_use_links.VIEW,
    "meeting_log": meeting_log.VIEW,
    "link_usage_daily": usage.DAILY,
}

EXISTING_VIEWS = "SELECT viewname AS name FROM pg_views WHERE schemaname = %s"
GRANTS = """
SELECT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END AS role,
       acl.privilege_type AS right, CASE WHEN acl.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END AS option
FROM pg_class AS c, aclexplode(c.relacl) AS acl
WHERE c.oid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND acl.grantee <> c.relowner
"""


def define_views(connection: Connection[Any], db: Database, models: dict[ReadModel, str]) -> None:
    """Makes the views read these tables, in the current transaction. Existing grants are kept.

    New views are granted to the analysts. Raises psycopg.Error, also when somebody's own view needs a dropped column.
    """
    tables = tuple((model.name, select_table_rows(model, table)) for model, table in models.items())
    existing_views = {row["name"] for row in connection.execute(EXISTING_VIEWS, (db.reporting,))}
    for name, view_query in VIEWS.items():
        definition = f"{{reporting}}.{name} AS {build_query(view_query, tables)}"
        try:
            with connection.transaction():
                execute(connection, db, f"CREATE OR REPLACE VIEW {definition}")
        except InvalidTableDefinition:  # its columns have changed
            replace_view(connection, db, name, definition)
        if name not in existing_views:
            execute(connection, db, f"GRANT SELECT ON {{reporting}}.{name} TO {ANALYST_ROLE}")


def replace_view(connection: Connection[Any], db: Database, name: str, definition: str) -> None:
    """Drops a view and creates it with other columns, with the same grants."""
    grants = connection.execute(GRANTS, (db.reporting, name)).fetchall()
    execute(connection, db, f"DROP VIEW {{reporting}}.{name}")
    execute(connection, db, f"CREATE VIEW {definition}")
    for grant in grants:
        execute(connection, db, f"GRANT {grant['right']} ON {{reporting}}.{name} TO {grant['role']} {grant['option']}")


def execute(connection: Connection[Any], db: Database, text: str) -> None:
    """Runs a statement without parameters."""
    connection.execute(compile_statement(db.schema, db.reporting, text))


# views of an earlier version, with other columns, are recreated at the start
VIEWS_VERSION = "SELECT obj_description(to_regclass(format('%%I.link_usage_daily', %s::text)), 'pg_class') AS described"
LOCK_READ_MODELS = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '.read_models', 0))"


def ensure_views(db: Database) -> bool:
    """Recreates the views that are of another version of the code. Returns False when they are locked by readers."""
    version_comment = f"version {hashlib.sha256(repr(VIEWS).encode()).hexdigest()[:16]}"
    with db.connect() as connection:
        version_row = connection.execute(VIEWS_VERSION, (db.reporting,)).fetchone()
        if version_row is not None and version_row["described"] == version_comment:
            return True
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '1s'")  # analysts who query meanwhile wait too
                connection.execute(LOCK_READ_MODELS, (db.schema,))
                live_tables = find_live_tables(lambda text: connection.execute(db.compose_query(text)))
                define_views(connection, db, {model: live_tables[model.name].table for model in READ_MODELS})
                connection.execute(
                    db.compose_query(f"COMMENT ON VIEW {{reporting}}.link_usage_daily IS '{version_comment}'")
                )
        except LockNotAvailable:
            return False
    return True
