"""Links, as queries of the live tables and of the log return them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from domain.person import PersonUpdated
from domain.refusals import Invalid
from projections import links
from projections.links import LinkFilters
from tests.projections.conftest import SourceFactory
from tests.projections.story import DAY, START, LogBuilder


def test_a_link_with_current_names(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
) -> None:
    link = builder.create_link(ada, intro, co_host_ids=(bob,), in_library=True)
    builder.append_event(bob, PersonUpdated, name="Robert", email="b@example.com", time_zone="UTC", roles=())
    row = links.find_link(source_factory(), link, builder.now)
    assert row is not None
    assert row["owner"] == {"id": ada, "name": "Ada Host"}
    assert row["co_hosts"] == [{"id": bob, "name": "Robert"}]
    assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
    assert row["single_use"] == {"issued": 0, "active": 0, "booked": 0}
    assert (row["kind"], row["slug"], row["in_library"], row["version"]) == ("standard", "meet-me", True, 1)
    assert (row["expires_at"], row["managed_link_id"]) == (None, None)


def test_status_follows_events_and_the_query_time(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
) -> None:
    def read_status(elapsed: timedelta = timedelta()) -> str:
        row = links.find_link(source_factory(), link, builder.now + elapsed)
        assert row is not None
        return row["status"]

    link = builder.create_link(ada, intro, expires_at=START + 10 * DAY)
    assert read_status() == "active"
    assert read_status(START + 10 * DAY - builder.now) == "expired"
    assert read_status(START + 10 * DAY - builder.now - timedelta(microseconds=1)) == "active"
    builder.append_event(link, LinkDisabled)
    assert read_status() == "disabled"
    assert read_status(11 * DAY) == "disabled"
    builder.append_event(link, LinkEnabled)
    assert read_status() == "active"
    builder.append_event(link, LinkDisabled)
    builder.append_event(link, LinkDeleted)
    assert read_status(11 * DAY) == "deleted"


def test_counts_and_impact(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID) -> None:
    link, other_link = builder.create_link(ada, intro), builder.create_link(ada, intro, "Other")
    builder.issue_single_use_link(other_link, ada)
    _open, revoked_token, booked_token, moved_token = (builder.issue_single_use_link(link, ada) for _ in range(4))
    builder.revoke_single_use_link(revoked_token)
    soon, later = builder.now + DAY, builder.now + 2 * DAY
    builder.book_meeting(link, [ada], intro, soon, booked_token)
    builder.book_meeting(link, [ada], intro, soon, moved_token)
    builder.reschedule_meeting(moved_token, soon, later)
    builder.cancel_meeting(builder.book_meeting(link, [ada], intro, later + DAY))
    row = links.find_link(source_factory(), link, builder.now)
    assert row is not None
    assert row["single_use"] == {"issued": 4, "active": 1, "booked": 2}
    assert links.compute_impact(source_factory(), link, builder.now) == {
        "active_single_use": 1,
        "booked_upcoming": 2,
    }
    assert links.compute_impact(source_factory(), link, soon) == {"active_single_use": 1, "booked_upcoming": 1}
    assert links.compute_impact(source_factory(), uuid4(), soon) is None
    builder.append_event(link, LinkDisabled)
    row = links.find_link(source_factory(), link, builder.now)
    assert row is not None
    assert row["single_use"] == {"issued": 4, "active": 0, "booked": 2}


def test_filters(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
    managed_link_id = uuid4()
    a = builder.create_link(ada, intro, "Alpha call")
    b = builder.create_link(bob, intro, "beta", in_library=True, expires_at=START)
    c = builder.create_link(ada, intro, "Gamma", kind="managed", managed_link_id=managed_link_id)
    d = builder.create_link(ada, intro, "Delta")
    builder.append_event(d, LinkDeleted)
    builder.append_event(a, LinkUpdated, **builder.build_link_properties(ada, intro, "Alpha call", slug="first"))
    source = source_factory()

    def list_ids(sort: str = "-created_at", **filters: object) -> list[UUID]:
        return [row["id"] for row in links.list_links(source, builder.now, LinkFilters(**filters), sort).items]  # type: ignore[arg-type]

    assert list_ids() == [c, b, a]
    assert list_ids(view="mine", viewer=ada) == [c, a]
    assert list_ids(view="library") == [b]
    assert list_ids(kind="managed") == [c]
    assert list_ids(managed_link_id=managed_link_id) == [c]
    assert list_ids(status="deleted") == [d]
    assert list_ids(status="expired") == [b]
    assert list_ids(status="active") == [c, a]
    assert list_ids(q="alp fir") == [a]
    assert list_ids(sort="name") == [a, b, c]
    assert list_ids(sort="-name") == [c, b, a]
    assert list_ids(sort="created_at") == [a, b, c]
    assert list_ids(sort="-updated_at") == [a, c, b]
    assert list_ids(sort="updated_at") == [b, c, a]
    with pytest.raises(Invalid):
        list_ids(sort="slug")
