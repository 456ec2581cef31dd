"""People, as queries of the live tables and of the log return them."""

from uuid import UUID, uuid4

from domain.person import PersonActivated, PersonDeactivated, PersonUpdated
from projections import people
from tests.projections.conftest import SourceFactory
from tests.projections.story import HOUR, START, LogBuilder


def test_a_person_as_last_changed(builder: LogBuilder, source_factory: SourceFactory, ada: UUID) -> None:
    properties = {"email": "ada@new.example", "time_zone": "UTC", "roles": ("admin",), "weekly_hours": {}}
    builder.append_event(ada, PersonUpdated, name="Ada L", **properties)
    builder.append_event(ada, PersonDeactivated)
    row = people.find_person(source_factory(), ada)
    assert row is not None
    assert (row["id"], row["name"], row["email"], row["roles"]) == (ada, "Ada L", "ada@new.example", ["admin"])
    assert (row["active"], row["version"], row["weekly_hours"], row["busy_feed_url"]) == (False, 3, {}, None)
    assert row["created_at"] == START + HOUR
    builder.append_event(ada, PersonActivated)
    row = people.find_person(source_factory(), ada)
    assert row is not None
    assert row["active"]
    assert row["version"] == 4


def test_many_are_in_the_order_asked_for(source_factory: SourceFactory, ada: UUID, bob: UUID) -> None:
    assert [row["id"] for row in people.find_people(source_factory(), [bob, uuid4(), ada])] == [bob, ada]


def test_found_by_prefixes_of_name_and_address(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID
) -> None:
    def list_ids(q: str) -> list[UUID]:
        return [row["id"] for row in people.list_people(source, q=q).items]

    source = source_factory()
    assert list_ids("ADA") == [ada]
    assert list_ids("host ada") == [ada]
    assert list_ids("ada@exam") == [ada]
    assert list_ids("ada bob") == []
    assert list_ids("da") == []
    assert list_ids(" -' & | ! :* ") == [bob, ada]
    assert list_ids("o'hara \\ (") == []
