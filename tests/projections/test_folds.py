"""The live tables are the fold of the log, whatever the batches, and as-of queries return what was live then."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.event import Event
from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from domain.person import PersonActivated, PersonDeactivated
from projections import links, meeting_log, people, single_use_links
from projections.catalogue import READ_MODELS, from_live_tables, from_log
from projections.following.batch_projector import BatchProjector
from projections.following.positions import read_positions
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import QuerySource
from projections.read_model import ReadModel
from projections.rebuild import live_tables
from projections.single_use_links import SingleUseFilters
from store.database import Database
from tests.projections.story import DAY, START, LogBuilder, find_differences, follow_log


def append_random_event(builder: LogBuilder, rng: random.Random, ids: dict[str, list[UUID]]) -> None:
    """Append one random event, possible in reality or not: a fold is total."""
    person, intro, link = (rng.choice(ids[kind]) for kind in ("people", "meeting_types", "links"))
    token = rng.choice([*ids["tokens"], uuid4()])
    starts_at = START + timedelta(hours=rng.randrange(1, 2000))
    steps = [
        lambda: ids["people"].append(builder.add_person(f"Person {rng.randrange(9)}")),
        lambda: ids["links"].append(builder.create_link(person, intro, f"Link {rng.randrange(9)}")),
        lambda: builder.append_event(
            link, LinkUpdated, **builder.build_link_properties(person, intro, "New", expires_at=starts_at)
        ),
        lambda: builder.append_event(link, rng.choice([LinkDisabled, LinkEnabled, LinkDeleted])),
        lambda: builder.append_event(person, rng.choice([PersonDeactivated, PersonActivated])),
        *[lambda: ids["tokens"].append(builder.issue_single_use_link(link, person, "Grace"))] * 3,
        *[lambda: ids["tokens"].append(builder.book_meeting(link, [person], intro, starts_at))] * 3,
        lambda: ids["booked"].append(
            builder.book_meeting(link, [person], intro, starts_at, builder.issue_single_use_link(link, person))
        ),
        lambda: (
            builder.reschedule_meeting(rng.choice(ids["booked"]), starts_at, starts_at + DAY) if ids["booked"] else None
        ),
        lambda: builder.cancel_meeting(rng.choice(ids["booked"])) if ids["booked"] else None,
        lambda: builder.revoke_single_use_link(token) if token in ids["tokens"] else None,
    ]
    rng.choice(steps)()


def list_all_rows(source: QuerySource, builder: LogBuilder) -> list[object]:
    """List the rows of all read models."""
    return [
        people.list_people(source, limit=200),
        links.list_links(source, builder.now, LinkFilters(), limit=200),
        single_use_links.list_single_use_links(source, builder.now, SingleUseFilters(), limit=200),
        meeting_log.list_meetings(source, MeetingFilters(), "starts_at", limit=200),
        meeting_log.list_meetings(source, MeetingFilters(q="grace"), limit=200),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_live_tables_are_the_fold_after_any_batches(live_database: Database, builder: LogBuilder, seed: int) -> None:
    rng = random.Random(seed)
    ids = {
        "people": [builder.add_person("Ada")],
        "meeting_types": [builder.create_meeting_type()],
        "tokens": [],
        "booked": [],
    }
    ids["links"] = [builder.create_link(ids["people"][0], ids["meeting_types"][0])]
    expected: list[tuple[int, list[object]]] = []
    for _ in range(6):
        for _ in range(rng.randrange(1, 15)):
            append_random_event(builder, rng, ids)
        follow_log(live_database, limit=rng.choice([1, 2, 3, 7, 100]))
        assert list(find_differences(live_database)) == []
        builder.now = builder.now.replace(microsecond=0)
        expected.append(
            (read_positions(live_database).position, list_all_rows(from_live_tables(live_database), builder))
        )
        assert list_all_rows(from_log(live_database), builder) == expected[-1][1]
    end = builder.now
    for reached, rows in expected[:-1]:
        assert rows[-2:] == list_all_rows(from_log(live_database, reached), builder)[-2:]
        assert rows[0] == list_all_rows(from_log(live_database, reached), builder)[0]
    assert builder.now == end


def test_one_row_as_of_a_position(live_database: Database, builder: LogBuilder) -> None:
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type("Introduction")
    link = builder.create_link(ada, intro, "Before")
    token, position_before = builder.issue_single_use_link(link, ada), builder.position
    builder.append_event(link, LinkUpdated, **builder.build_link_properties(ada, intro, "After"))
    builder.book_meeting(link, [ada], intro, builder.now + DAY, token)
    row_before = single_use_links.find_single_use_link(from_log(live_database, position_before), token, builder.now)
    current_row = single_use_links.find_single_use_link(from_log(live_database), token, builder.now)
    assert row_before is not None
    assert current_row is not None
    assert (row_before["status"], row_before["link"]["name"], row_before["version"]) == ("active", "Before", 1)
    assert (current_row["status"], current_row["link"]["name"], current_row["version"]) == ("booked", "After", 2)
    assert meeting_log.find_meeting(from_log(live_database, position_before), token) is None
    assert people.find_person(from_log(live_database, 0), ada) is None
    link_row = links.find_link(from_log(live_database, position_before), link, builder.now)
    assert link_row is not None
    assert link_row["single_use"] == {"issued": 1, "active": 1, "booked": 0}


def test_a_batch_never_folds_beyond_its_end(live_database: Database, builder: LogBuilder) -> None:
    ada = builder.add_person("Ada")
    first = builder.position
    builder.append_event(ada, PersonDeactivated)
    with live_database.connect() as connection:
        assert BatchProjector(live_database, connection, READ_MODELS).project_batch(first) == first
    row = people.find_person(from_live_tables(live_database), ada)
    assert row is not None
    assert row["active"]
    follow_log(live_database)
    row = people.find_person(from_live_tables(live_database), ada)
    assert row is not None
    assert not row["active"]


def test_a_table_built_late_equals_one_that_followed(database: Database, builder: LogBuilder) -> None:
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
    link = builder.create_link(ada, intro)
    builder.book_meeting(link, [ada], intro, builder.now + DAY, builder.issue_single_use_link(link, ada))
    live_tables.ensure_tables(database)
    assert read_positions(database).position == 0
    follow_log(database)
    assert list(find_differences(database)) == []
    assert len(meeting_log.list_meetings(from_live_tables(database), MeetingFilters()).items) == 1


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_what_a_read_model_looks_at_is_in_the_catalogue(model: ReadModel) -> None:
    names = {name.split(".")[0] for name in Event.catalogue}
    assert set(model.events) <= names


def test_every_event_is_looked_at_by_a_read_model() -> None:
    """But that of the organisation: there is one, and it is loaded from the log."""
    names = {name.split(".")[0] for name in Event.catalogue} - {"OrganisationUpdated"}
    assert names == {name for model in READ_MODELS for name in model.events}
