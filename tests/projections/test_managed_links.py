"""Managed links, as queries of the live tables and of the log return them."""

from datetime import UTC, datetime
from uuid import UUID

from domain.managed_link import ManagedLinkDeleted, ManagedLinkDisabled, ManagedLinkEnabled, ManagedLinkUpdated
from projections import managed_links
from projections.managed_links import ManagedLinkFilters
from tests.projections.conftest import SourceFactory
from tests.projections.story import LogBuilder

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_managed_link(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
    managed_link_id = builder.create_managed_link([bob, ada], intro, created_by_id=ada)
    row = managed_links.find_managed_link(source_factory(), managed_link_id, NOW)
    assert row is not None
    assert [host["name"] for host in row["hosts"]] == ["Bob Cohost", "Ada Host"]
    assert row["created_by"] == {"id": ada, "name": "Ada Host"}
    assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
    assert row["link_count"] == 2
    payload = {"name": "Sales", "slug": "sales", "meeting_type_id": intro, "host_ids": (ada,)}
    builder.append_event(managed_link_id, ManagedLinkUpdated, **payload)
    (row,) = managed_links.list_managed_links(source_factory(), NOW, ManagedLinkFilters()).items
    assert (row["link_count"], row["version"], row["created_by"]) == (1, 2, None)


def test_its_status(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID) -> None:
    managed_link_id = builder.create_managed_link([ada], intro)

    def list_statuses(status: str | None = None) -> list[str]:
        filters = ManagedLinkFilters(status)
        return [row["status"] for row in managed_links.list_managed_links(source_factory(), NOW, filters).items]

    assert list_statuses() == ["active"]
    builder.append_event(managed_link_id, ManagedLinkDisabled)
    assert list_statuses() == list_statuses("disabled") == ["disabled"]
    builder.append_event(managed_link_id, ManagedLinkEnabled)
    assert list_statuses("active") == ["active"]
    builder.append_event(managed_link_id, ManagedLinkDeleted)
    assert (list_statuses(), list_statuses("deleted")) == ([], ["deleted"])
