"""The live tables have the version of the program: one process builds them, beside the old ones."""

from dataclasses import replace

import pytest

from domain.refusals import ReadModelBehind
from projections import meeting_types, people
from projections.catalogue import READ_MODELS, from_live_tables
from projections.people import PEOPLE
from projections.queries.query import QuerySource
from projections.rebuild import live_tables
from store.database import Database
from tests.projections.read_model_driver import (
    TIMEOUT_SECONDS,
    build_next_version,
    list_live_tables,
    raise_versions,
    start_process,
)
from tests.projections.story import LogBuilder, follow_log

WIDER_PEOPLE = replace(
    PEOPLE,
    version=PEOPLE.version + 1,
    table=PEOPLE.table.rstrip() + ",\n        nickname text",
    rows=PEOPLE.rows.replace("AS words", "AS words, payload ->> 'name' AS nickname"),
)
ENSURE_PROGRAM = """
import sys
from store.database import Database
from projections.rebuild import live_tables
print(len(live_tables.ensure_tables(Database(sys.argv[1], sys.argv[2]))))
"""


def test_several_processes_starting_together(database: Database) -> None:
    processes = [start_process(ENSURE_PROGRAM, database) for _ in range(4)]
    table_counts = sorted(int(process.communicate(timeout=TIMEOUT_SECONDS)[0]) for process in processes)
    assert [process.returncode for process in processes] == [0] * 4
    assert table_counts == [0, 0, 0, len(READ_MODELS)]


def test_another_version_is_built_beside_and_switched_to(live_database: Database, builder: LogBuilder) -> None:
    ada = builder.add_person("Ada")
    follow_log(live_database)
    builder.add_person("Not followed yet")
    assert live_tables.ensure_tables(live_database, build_next_version()) == ["people"]
    assert live_tables.ensure_tables(live_database, build_next_version()) == []
    assert list_live_tables(live_database)["people"] == f"people_v{PEOPLE.version + 1}_g2"
    assert [row["id"] for row in people.list_people(from_live_tables(live_database)).items] == [ada]
    leftover_tables = live_database.fetch_rows(
        "SELECT tablename FROM pg_tables WHERE tablename = %s AND schemaname = %s",
        (f"people_v{PEOPLE.version}_g1", live_database.schema),
    )
    assert leftover_tables == []


def test_what_the_old_table_cannot_answer_waits(builder: LogBuilder) -> None:
    database, catalogue = builder.database, raise_versions(WIDER_PEOPLE)
    ada = builder.add_person("Ada")
    follow_log(database)
    with pytest.raises(ReadModelBehind):
        people.list_people(QuerySource(database, catalogue))
    assert people.find_person(QuerySource(database, catalogue, reads_log=True), ada) is not None
    assert meeting_types.list_meeting_types(QuerySource(database, catalogue)).items == []
    live_tables.ensure_tables(database, catalogue)
    assert [row["id"] for row in people.list_people(QuerySource(database, catalogue)).items] == [ada]
    assert [row["id"] for row in people.list_people(from_live_tables(database)).items] == [ada], (
        "older programs read the wider table"
    )
