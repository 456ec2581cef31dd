"""Single-use links, as queries of the live tables and of the log return them."""

from uuid import UUID

from domain.link import LinkDeleted, LinkDisabled, LinkUpdated
from projections import single_use_links
from projections.single_use_links import SingleUseFilters
from tests.projections.conftest import SourceFactory
from tests.projections.story import DAY, START, LogBuilder


def test_it_follows_its_core_link(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID
) -> None:
    link = builder.create_link(ada, intro, "Meet", expires_at=START + DAY * 5)
    token = builder.issue_single_use_link(link, bob, "Grace", label="Q2")
    issued_at, demo = builder.now, builder.create_meeting_type("Demo")
    row = single_use_links.find_single_use_link(source_factory(), token, builder.now)
    assert row == {
        "id": token, "status": "active", "link": {"id": link, "name": "Meet"},
        "meeting_type": {"id": intro, "name": "Introduction"}, "issued_by": {"id": bob, "name": "Bob Cohost"},
        "issued_at": issued_at, "recipient": {"name": "Grace", "email": "grace@recipients.example"}, "label": "Q2",
        "metadata": {"deal": "42"}, "expires_at": START + DAY * 5, "only_recipient": False, "locale": None,
        "booking_id": None, "replaces": None, "source": "web", "erased": False, "version": 1,
    }  # fmt: skip
    builder.append_event(link, LinkUpdated, **builder.build_link_properties(ada, demo, "Renamed", expires_at=START))
    row = single_use_links.find_single_use_link(source_factory(), token, builder.now)
    assert row is not None
    assert (row["status"], row["expires_at"]) == ("expired", START)
    assert (row["link"]["name"], row["meeting_type"]["name"]) == ("Renamed", "Demo")


def test_status_by_precedence(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID) -> None:
    link = builder.create_link(ada, intro)
    unused_token, revoked_token, booked_token = (
        builder.issue_single_use_link(link, ada),
        builder.issue_single_use_link(link, ada),
        builder.issue_single_use_link(link, ada),
    )
    builder.revoke_single_use_link(revoked_token)
    builder.book_meeting(link, [ada], intro, builder.now + DAY, booked_token)
    builder.cancel_meeting(booked_token)

    def list_statuses() -> list[str]:
        rows = single_use_links.find_single_use_links(
            source_factory(), [unused_token, revoked_token, booked_token], builder.now
        )
        return [row["status"] for row in rows]

    assert list_statuses() == ["active", "revoked", "booked"]
    builder.append_event(link, LinkDisabled)
    assert list_statuses() == ["disabled", "revoked", "booked"]
    builder.append_event(link, LinkDeleted)
    assert list_statuses() == ["deleted", "revoked", "booked"]
    row = single_use_links.find_single_use_link(source_factory(), booked_token, builder.now)
    assert row is not None
    assert row["booking_id"] == booked_token
    assert single_use_links.find_single_use_link(source_factory(), link, builder.now) is None


def test_filters(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
    ada_link, bob_link = builder.create_link(ada, intro, "Alpha"), builder.create_link(bob, intro, "Beta")
    a, b = (
        builder.issue_single_use_link(ada_link, ada, "Grace", "spring"),
        builder.issue_single_use_link(ada_link, bob, "Linus"),
    )
    c, d = builder.issue_single_use_link(bob_link, ada), builder.issue_single_use_link(bob_link, bob, "Gracia")
    builder.book_meeting(bob_link, [bob], intro, builder.now + DAY, d)
    builder.append_event(ada_link, LinkDisabled)
    source = source_factory()

    def list_ids(sort: str = "-issued_at", **filters: object) -> list[UUID]:
        page = single_use_links.list_single_use_links(source, builder.now, SingleUseFilters(**filters), sort)  # type: ignore[arg-type]
        return [row["id"] for row in page.items]

    assert list_ids() == [d, c, b, a]
    assert list_ids(sort="issued_at") == [a, b, c, d]
    assert list_ids(link_id=ada_link) == [b, a]
    assert list_ids(issued_by=ada) == [c, a]
    assert list_ids(visible_to=ada) == [c, b, a]
    assert list_ids(visible_to=bob) == [d, c, b]
    assert list_ids(status="booked") == [d]
    assert list_ids(status="disabled") == [b, a]
    assert list_ids(status="active") == [c]
    assert list_ids(status="revoked") == []
    assert list_ids(q="grac") == [d, a]
    assert list_ids(q="grac alp") == [a]
    assert list_ids(q="SPRING") == [a]
    assert list_ids(q="beta") == [d, c]
