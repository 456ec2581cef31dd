"""A column is defined once: table, fold, SELECT, rows, API, CSV, Parquet and view have exactly the defined ones."""

import csv
import io
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter

from api.cli.export_formats import KINDS
from api.http.csv import render_csv_lines
from api.v1 import response_models
from api.v1.meeting_log_csv import COLUMNS as CSV_COLUMNS
from api.v1.meeting_log_csv import flatten_meeting
from projections import links, managed_links, meeting_log, meeting_types, people, reporting, single_use_links
from projections.catalogue import READ_MODELS, from_live_tables, from_log
from projections.column_kinds import Column
from projections.columns import Columns, list_fields, list_flat_types
from projections.meeting_log import MEETING_LOG, BookingRow, MeetingFilters, MeetingRow
from projections.queries.query import QuerySource
from store.database import Database
from tests.projections.story import DAY, LogBuilder, follow_log

LIVE_TABLE = "SELECT live_table FROM {schema}.read_models WHERE name = %(name)s"
TABLE_COLUMNS = """SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
    FROM pg_attribute WHERE attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))
    AND attnum > 0 ORDER BY attnum"""
DEFINITIONS = {
    "people": (people.COLUMNS, response_models.Person, people.PersonRow, set()),
    "meeting_types": (meeting_types.COLUMNS, response_models.MeetingType, meeting_types.MeetingTypeRow, set()),
    "managed_links": (managed_links.COLUMNS, response_models.ManagedLink, managed_links.ManagedLinkRow, set()),
    "links": (links.COLUMNS, response_models.Link, links.LinkRow, {"url"}),
    "single_use_links": (
        single_use_links.COLUMNS,
        response_models.SingleUse,
        single_use_links.SingleUseRow,
        {"url", "code"},
    ),
    "meeting_log": (meeting_log.COLUMNS, response_models.Meeting, MeetingRow, {"position"}),
}
# what the view has of a field that is not flat by the rule of the CSV
VIEW_NAMES = {"co_hosts": ["co_host_ids", "co_host_names"]}


class WiderRow(BookingRow):
    """A booked meeting with one more column."""

    link_kind: Annotated[str, Column("booked ->> 'link_kind'")]


def list_table_columns(database: Database, schema: str, table: str) -> list[tuple[str, str, bool]]:
    """The columns of a table or view of the database: name, type and whether it is NOT NULL."""
    rows = database.fetch_rows(TABLE_COLUMNS, {"schema": schema, "table": table})
    return [(row["name"], row["type"], row["required"]) for row in rows]


@pytest.fixture
def booked_builder(live_database: Database, builder: LogBuilder) -> LogBuilder:
    """One meeting on a single-use link, with every personal detail."""
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
    link = builder.create_link(ada, intro)
    token = builder.issue_single_use_link(link, ada, "Rita", "Fair")
    builder.book_meeting(link, [ada, builder.add_person("Bob")], intro, builder.now + DAY, token, guest="Rita")
    builder.cancel_meeting(token, "guest")
    follow_log(live_database)
    return builder


class TestMeetingLog:
    """The columns of the meeting log, enumerated from their definition."""

    def test_table_has_them(self, booked_builder: LogBuilder, live_database: Database) -> None:
        [live] = live_database.fetch_rows(LIVE_TABLE, {"name": "meeting_log"})
        names = [name for name, _, _ in list_table_columns(live_database, live_database.schema, live["live_table"])]
        defined = [column.name for entry in meeting_log.COLUMNS.entries for column in entry.list_stored()]
        assert names == defined
        assert meeting_log.MEETING_LOG.columns.split(", ") == defined

    def test_rows_have_them(self, booked_builder: LogBuilder, live_database: Database) -> None:
        defined = {field.name for field in list_fields(BookingRow, "m")}
        assert defined == BookingRow.__annotations__.keys()
        for source in (from_live_tables(live_database), from_log(live_database)):
            [row] = meeting_log.list_meetings(source, MeetingFilters()).items
            assert row.keys() == defined
            assert TypeAdapter(BookingRow).validate_python(row, strict=True) == row

    def test_api_has_them(self) -> None:
        schema = TypeAdapter(response_models.Meeting).json_schema()
        names = [field.name for field in list_fields(MeetingRow, "m")]
        assert schema["required"] == names
        assert list(schema["properties"]) == [*names, "position"]  # only where changes are asked for

    def test_csv_and_parquet_have_them(self, booked_builder: LogBuilder, live_database: Database) -> None:
        rows = meeting_log.list_meetings(from_live_tables(live_database), MeetingFilters()).items
        text = "".join(render_csv_lines(CSV_COLUMNS, map(flatten_meeting, rows)))
        [record] = csv.DictReader(io.StringIO(text))
        assert list(record) == list(list_flat_types(MeetingRow)) == list(KINDS["meeting-log"].types)
        assert all(
            record[name]
            for name in record.keys() - {"previous_starts_at", "replaces", "no_show_at", "team_id", "team_name"}
        )

    def test_view_has_them(self, booked_builder: LogBuilder, live_database: Database) -> None:
        names = [name for name, _, _ in list_table_columns(live_database, live_database.reporting, "meeting_log")]
        flat = [VIEW_NAMES.get(name, [name]) for name in list_flat_types(MeetingRow)]
        assert names == [name for group in flat for name in group]


class TestOneMoreColumn:
    """A field that is added to the row type is in everything that is derived from it."""

    def test_is_everywhere(self, booked_builder: LogBuilder, live_database: Database) -> None:
        columns = Columns(WiderRow, alias="m", key="booking_id", hidden=meeting_log.COLUMNS.hidden)
        rows = MEETING_LOG.rows.replace(meeting_log.COLUMNS.fold, columns.fold)
        model = replace(MEETING_LOG, table=columns.table, rows=rows)
        assert model.types == {**MEETING_LOG.types, "link_kind": "text"}
        models = tuple(model if other is MEETING_LOG else other for other in READ_MODELS)
        source = QuerySource(live_database, models, reads_log=True)
        [record] = source.fetch_rows(f"SELECT {columns.select} FROM meeting_log AS m", {})
        assert columns.read_row(record)["link_kind"] == "standard"
        [viewed] = source.fetch_rows(columns.build_view(WiderRow, "meeting_log"), {})
        assert viewed["link_kind"] == "standard"
        assert "link_kind" in TypeAdapter(WiderRow).json_schema()["properties"]
        assert list_flat_types(WiderRow)["link_kind"] is str

    def test_without_a_definition_is_refused(self) -> None:
        with pytest.raises(TypeError, match="The field city needs one definition"):
            list_fields(type("Undefined", (), {"__annotations__": {"city": str}}), "m")


@pytest.mark.parametrize("name", DEFINITIONS)
class TestReadModel:
    """Each read model."""

    def test_api_has_the_row_types_fields(self, name: str) -> None:
        _, model, row_type, added = DEFINITIONS[name]
        properties = TypeAdapter(model).json_schema()["properties"]
        assert [field for field in properties if field not in added] == list(row_type.__annotations__)
        assert properties.keys() - row_type.__annotations__.keys() == added

    def test_view_has_its_flat_names(self, name: str, live_database: Database) -> None:
        if name not in reporting.VIEWS:
            return
        columns, _, row_type, _ = DEFINITIONS[name]
        expected = {
            column for field in list_fields(row_type, columns.alias) for column in field.kind.list_view_columns(field)
        }
        names = {column for column, _, _ in list_table_columns(live_database, live_database.reporting, name)}
        assert names == expected

    def test_types_of_the_table_follow_from_the_fields(self, name: str, live_database: Database) -> None:
        columns: Columns[Any] = DEFINITIONS[name][0]
        [live] = live_database.fetch_rows(LIVE_TABLE, {"name": name})
        in_table = list_table_columns(live_database, live_database.schema, live["live_table"])
        stored = [column for entry in columns.entries for column in entry.list_stored()]
        aliases = {"int": "integer", "timestamptz": "timestamp with time zone"}
        assert in_table == [
            (
                column.name,
                aliases.get(column.type.removesuffix(" NOT NULL"), column.type.removesuffix(" NOT NULL")),
                column.type.endswith(" NOT NULL"),
            )
            for column in stored
        ]
