"""A guest's request for a new link, at a single-use link that books nothing any more: its issuer is mailed."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from domain.event import Context, Event
from domain.notifications.notified_aggregate import NotifiedAggregate

REQUEST_PERIOD = timedelta(days=1)  # in which the issuer is mailed once about one link

# What happened


class NewLinkRequested(Event, name="NewLinkRequested.v1"):
    """Somebody who has a single-use link asked whoever issued it for a new one; `person_id` is mailed."""

    single_use_id: UUID
    link_id: UUID
    person_id: UUID


class LinkRequest(NotifiedAggregate):
    """The requests at one single-use link. A stream of its own leaves the link's as it is."""

    last_event: NewLinkRequested

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.requested_at: datetime | None = None

    # What may happen

    def request(self, context: Context, single_use_id: UUID, link_id: UUID, person_id: UUID) -> None:
        """Asks for a new link. Records nothing when somebody did within a day."""
        if self.requested_at is None or self.requested_at + REQUEST_PERIOD <= context.now:
            self.record_event(
                NewLinkRequested, context, single_use_id=single_use_id, link_id=link_id, person_id=person_id
            )

    # How history becomes state

    def evolve(self, event: Event) -> None:
        super().evolve(event)
        if isinstance(event, NewLinkRequested):
            self.last_event, self.requested_at = event, event.occurred_at


def derive_link_request_id(single_use_id: UUID) -> UUID:
    """Returns the id of the stream of the requests at a single-use link."""
    return uuid5(single_use_id, "request")
