"""The views that analysts query: flat columns named as in the API, over the live tables."""

import hashlib
from typing import Any

from psycopg import Connection
from psycopg.errors import InvalidTableDefinition, LockNotAvailable

from projections import usage
from projections.catalogue import READ_MODELS
from projections.queries.query import build_query, compile_statement, select_table_rows
from projections.read_model import ReadModel
from projections.table_lookup import find_live_tables
from store.database import Database
from store.schema import ANALYST_ROLE

LINK_STATUS = """CASE WHEN l.deleted THEN 'deleted' WHEN l.disabled THEN 'disabled'
    WHEN l.expires_at <= now() THEN 'expired' ELSE 'active' END"""
NAMES = """ARRAY(SELECT p.name FROM unnest({ids}) WITH ORDINALITY AS h(id, n)
    LEFT JOIN people AS p ON p.person_id = h.id ORDER BY h.n)"""

VIEWS = {
    # the URL of somebody's busy feed is a secret
    "events": """SELECT e.position, e.recorded_at, e.stream_id, e.version, e.type, e.data -> 'actor' AS actor,
            e.data - 'busy_feed_url' AS data
        FROM {schema}.events AS e""",
    "links": f"""SELECT l.link_id, l.kind, l.name, l.slug, l.owner_id, o.name AS owner_name, l.co_host_ids,
            {NAMES.format(ids="l.co_host_ids")} AS co_host_names, l.meeting_type_id, t.name AS meeting_type_name,
            l.expires_at, l.in_library, {LINK_STATUS} AS status, l.managed_link_id,
            l.created_at, l.updated_at, l.version
        FROM links AS l
        LEFT JOIN people AS o ON o.person_id = l.owner_id
        LEFT JOIN meeting_types AS t ON t.meeting_type_id = l.meeting_type_id""",
    "single_use_links": f"""SELECT s.single_use_id,
            CASE WHEN s.state = 'open' THEN {LINK_STATUS} ELSE s.state END AS status,
            s.link_id, l.name AS link_name, l.meeting_type_id, t.name AS meeting_type_name,
            s.issued_by AS issued_by_id, i.name AS issued_by_name, s.issued_at,
            d.data #>> '{{{{recipient,name}}}}' AS recipient_name,
            d.data #>> '{{{{recipient,email}}}}' AS recipient_email,
            d.data ->> 'label' AS label, d.data -> 'metadata' AS metadata, l.expires_at,
            CASE WHEN s.state = 'booked' THEN s.single_use_id END AS booking_id, s.source,
            s.details_id IS NOT NULL AND d.id IS NULL AS erased
        FROM single_use_links AS s
        LEFT JOIN links AS l ON l.link_id = s.link_id
        LEFT JOIN meeting_types AS t ON t.meeting_type_id = l.meeting_type_id
        LEFT JOIN people AS i ON i.person_id = s.issued_by
        LEFT JOIN {{schema}}.personal_details AS d ON d.id = s.details_id""",
    "meeting_log": f"""SELECT m.booking_id, m.booked_at, m.status, m.link_type, m.link_id, l.name AS link_name,
            CASE WHEN m.link_type = 'single_use' THEN m.booking_id END AS single_use_id,
            r.data #>> '{{{{recipient,name}}}}' AS recipient_name,
            r.data #>> '{{{{recipient,email}}}}' AS recipient_email,
            r.data ->> 'label' AS label, m.meeting_type_id, t.name AS meeting_type_name,
            m.host_ids[1] AS host_id, h.name AS host_name, m.host_ids[2:] AS co_host_ids,
            {NAMES.format(ids="m.host_ids[2:]")} AS co_host_names,
            d.data #>> '{{{{guest,name}}}}' AS guest_name, d.data #>> '{{{{guest,email}}}}' AS guest_email,
            d.data #>> '{{{{guest,time_zone}}}}' AS guest_time_zone, m.starts_at, m.ends_at, m.reschedule_count,
            m.previous_starts_at, m.cancelled_at, m.cancelled_by, c.data ->> 'reason' AS cancel_reason,
            m.issued_by AS issued_by_id, i.name AS issued_by_name, m.issued_at, m.source,
            (m.details_id IS NOT NULL AND d.id IS NULL) OR (m.issue_details_id IS NOT NULL AND r.id IS NULL)
                OR (m.cancel_details_id IS NOT NULL AND c.id IS NULL) AS erased
        FROM meeting_log AS m
        LEFT JOIN links AS l ON l.link_id = m.link_id
        LEFT JOIN meeting_types AS t ON t.meeting_type_id = m.meeting_type_id
        LEFT JOIN people AS h ON h.person_id = m.host_ids[1]
        LEFT JOIN people AS i ON i.person_id = m.issued_by
        LEFT JOIN {{schema}}.personal_details AS d ON d.id = m.details_id
        LEFT JOIN {{schema}}.personal_details AS r ON r.id = m.issue_details_id
        LEFT JOIN {{schema}}.personal_details AS c ON c.id = m.cancel_details_id""",
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
