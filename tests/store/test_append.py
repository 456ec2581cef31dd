"""What `append` may rely on: rows that it is shown, never a count of rows that somebody else may count otherwise."""

import psycopg
import pytest

from store.database import Database

NO_EVENTS = "SELECT {schema}.append_confirmed('[]', '[]', '[]', '[]', '{{}}', '[]')"


def test_it_does_not_count_by_row_count(database: Database, schema: str) -> None:
    """A database of several nodes says there how many rows an INSERT … ON CONFLICT was offered."""
    query = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = %s::regnamespace"
    sources = {row["proname"]: row["prosrc"] for row in database.fetch_rows(query, (schema,))}
    assert [name for name in ("append", "append_confirmed") if "ROW_COUNT" in sources[name].upper()] == []


def test_the_inner_append_has_no_rights_and_may_not_be_called(database: Database, schema: str) -> None:
    query = "SELECT prosecdef, proconfig FROM pg_proc WHERE oid = to_regproc(%s || '.append_confirmed')"
    assert database.fetch_rows(query, (schema,)) == [{"prosecdef": False, "proconfig": None}]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.fetch_rows(NO_EVENTS)
