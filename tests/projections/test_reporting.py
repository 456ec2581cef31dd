"""The reporting views follow the live tables, with the grants that they have."""

from uuid import uuid4

import psycopg
import pytest

from projections import reporting
from projections.rebuild import live_tables
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.read_model_driver import build_next_version
from tests.projections.story import DAY, LogBuilder, follow_log


@pytest.mark.usefixtures("live_database")
class TestViews:
    def test_whoever_may_read_one_may_go_on(self, builder: LogBuilder, superuser_url: str) -> None:
        database, role = builder.database, f"r{uuid4().hex[:8]}"
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {role}")
            try:
                owner.execute(database.compose_query(f"GRANT USAGE ON SCHEMA {{reporting}} TO {role}"))
                owner.execute(database.compose_query(f"GRANT SELECT ON {{reporting}}.links TO {role}"))
                owner.execute(database.compose_query("REVOKE SELECT ON {reporting}.events FROM oncelink_analyst"))
                owner.execute(
                    database.compose_query("CREATE VIEW {schema}.theirs AS SELECT link_id FROM {reporting}.links")
                )
                begin_rebuild(database).run()
                can_read = [has_select_privilege(database, role, view) for view in ("links", "meeting_log", "events")]
                assert can_read == [True, False, False]
                analysts_can_read = [
                    has_select_privilege(database, "oncelink_analyst", view)
                    for view in ("links", "meeting_log", "events")
                ]
                assert analysts_can_read == [True, True, False]
                assert owner.execute(database.compose_query("SELECT FROM {schema}.theirs")).fetchall() == []
            finally:
                owner.execute(f"DROP OWNED BY {role} CASCADE")
                owner.execute(f"DROP ROLE {role}")

    def test_with_other_columns_too(
        self, builder: LogBuilder, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = builder.database
        other_query = "SELECT l.name AS title, l.link_id FROM links AS l"
        monkeypatch.setitem(reporting.VIEWS, "links", other_query)
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(database.compose_query("REVOKE ALL ON {reporting}.links FROM oncelink_analyst"))
            owner.execute(database.compose_query("GRANT SELECT ON {reporting}.links TO pg_monitor"))
        begin_rebuild(database).run()
        assert database.fetch_rows("SELECT title FROM {reporting}.links") == []
        assert has_select_privilege(database, "pg_monitor", "links")
        assert not has_select_privilege(database, "oncelink_analyst", "links")


def test_analysts_see_the_views_and_nothing_else(live_database: Database, builder: LogBuilder, owner_url: str) -> None:
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
    link = builder.create_link(ada, intro)
    token = builder.book_meeting(
        link, [ada], intro, builder.now + DAY, builder.issue_single_use_link(link, ada, "Grace"), "Grace Hopper"
    )
    follow_log(live_database)
    live_tables.ensure_tables(live_database, build_next_version())
    columns = "booking_id, host_name, link_name, meeting_type_name, guest_name, guest_email, recipient_name, link_type"
    with psycopg.connect(owner_url, autocommit=True) as analyst:
        analyst.execute("SET ROLE oncelink_analyst")
        view = live_database.compose_query(f"SELECT {columns} FROM {{reporting}}.meeting_log")
        assert analyst.execute(view).fetchall() == [
            (token, "Ada", "Meet me", "Introduction", "Grace Hopper", "grace@guests.example", "Grace", "single_use")
        ]
        for name, rows in {"links": 1, "single_use_links": 1, "events": 5}.items():
            assert (
                len(analyst.execute(live_database.compose_query(f"SELECT * FROM {{reporting}}.{name}")).fetchall())
                == rows
            )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(live_database.compose_query("SELECT FROM {schema}.events"))


def has_select_privilege(database: Database, role: str, view: str) -> bool:
    """Return whether a role may read a view."""
    query = "SELECT has_table_privilege(%s, %s, 'SELECT') AS may"
    return bool(database.fetch_rows(query, (role, f"{database.reporting}.{view}"))[0]["may"])
