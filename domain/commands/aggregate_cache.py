"""A cache of aggregates that change rarely, for decisions whose append checks the versions that they read."""

from uuid import UUID

from eventsourcing.application import LRUCache

from domain.aggregate import Aggregate
from domain.link import Link
from domain.token import Token

CACHE_SIZE = 10_000


class AggregateCache:
    """A cache of links, meeting types and people. Only decisions that append may use it: the append checks it.

    Of a token it keeps nothing but its link, which never changes.
    """

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self.link_ids_by_token: LRUCache[UUID, UUID] = LRUCache(size)
        self.aggregates: LRUCache[UUID, Aggregate] = LRUCache(size)
        self.link_ids_by_slug: LRUCache[str, UUID] = LRUCache(size)

    def find_aggregate(self, id: UUID) -> Aggregate | None:
        """Returns the cached aggregate, or None."""
        try:
            return self.aggregates.get(id)
        except KeyError:
            return None

    def find_link_id(self, slug: str) -> UUID | None:
        """Returns the id of the link that last had this slug, or None."""
        try:
            return self.link_ids_by_slug.get(slug)
        except KeyError:
            return None

    def find_link_id_of_token(self, token_id: UUID) -> UUID | None:
        """Returns the id of the link of a token that was loaded lately, or None."""
        try:
            return self.link_ids_by_token.get(token_id)
        except KeyError:
            return None

    def put_aggregate(self, aggregate: Aggregate) -> None:
        """Caches an aggregate, unless it is a token: tokens are always read from the log."""
        if isinstance(aggregate, Token):
            self.link_ids_by_token.put(aggregate.id, aggregate.link_id)
        else:
            self.aggregates.put(aggregate.id, aggregate)
        if isinstance(aggregate, Link):
            self.link_ids_by_slug.put(aggregate.properties.slug, aggregate.id)
