"""Managed links, as queries of the live tables and of the log return them."""

from uuid import UUID

from domain.managed_link import ManagedLinkUpdated
from projections import managed_links
from tests.projections.conftest import SourceFactory
from tests.projections.story import LogBuilder


def test_a_managed_link(builder: LogBuilder, source_factory: SourceFactory, ada: UUID, bob: UUID, intro: UUID) -> None:
    managed_link_id = builder.create_managed_link([bob, ada], intro, created_by_id=ada)
    row = managed_links.find_managed_link(source_factory(), managed_link_id)
    assert row is not None
    assert [host["name"] for host in row["hosts"]] == ["Bob Cohost", "Ada Host"]
    assert row["created_by"] == {"id": ada, "name": "Ada Host"}
    assert row["meeting_type"] == {"id": intro, "name": "Introduction"}
    assert row["link_count"] == 2
    payload = {"name": "Sales", "slug": "sales", "meeting_type_id": intro, "host_ids": (ada,)}
    builder.append_event(managed_link_id, ManagedLinkUpdated, **payload)
    (row,) = managed_links.list_managed_links(source_factory()).items
    assert (row["link_count"], row["version"], row["created_by"]) == (1, 2, None)
