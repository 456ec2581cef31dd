"""Makes the single-use links of a confirmed list in batches, each only once however often the form is sent."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from api.http.dependencies import Caller, describe_request
from api.services import Services
from api.v1.request_bodies import NewRecipient, NewSingleUse
from api.v1.single_use_links import build_details
from domain.commands.idempotent_creation import derive_id
from domain.commands.single_use_links import derive_ids

BATCH_SIZE = 100  # what one append takes


def issue_batches(
    services: Services,
    viewer: Caller,
    link_id: UUID,
    recipients: Sequence[NewRecipient],
    common: NewSingleUse,
    key: str,
) -> int:
    """Issue a single-use link for each recipient, with what is common to all. Returns the last position.

    A list that failed half way goes on where it stopped when it is sent again with its key. Raises NotFound,
    Forbidden, LinkDeleted, IdempotencyKeyReused, Erased, TryAgain.
    """
    position = 0
    for number, start in enumerate(range(0, len(recipients), BATCH_SIZE)):
        body = common.model_copy(update={"recipients": list(recipients[start : start + BATCH_SIZE])})
        request = describe_request(body, route="single-use", link=str(link_id))
        result, _ = services.single_use_links.issue_links(
            viewer.context, link_id, build_details(body), derive_batch_key(key, number), request, body.to_terms()
        )
        position = max(position, result.position or 0)
    services.announce_append()
    return position


def derive_batch_ids(viewer: Caller, key: str, count: int) -> Iterator[UUID]:
    """Yield the ids of the single-use links that a key made for somebody."""
    for number, start in enumerate(range(0, count, BATCH_SIZE)):
        first_id = derive_id(viewer.person.id, derive_batch_key(key, number))
        yield from derive_ids(first_id, min(BATCH_SIZE, count - start))


def derive_batch_key(key: str, number: int) -> str:
    """Return the idempotency key of a batch."""
    return f"{key}.{number}"
