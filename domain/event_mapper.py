"""The eventsourcing library's mapper for domain events: their stored names instead of import paths."""

import json
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from domain.event import Event


class EventMapper(Mapper[UUID]):
    """Maps domain events to stored events, under their stored names, and back."""

    def __init__(self) -> None:
        """Nothing to configure: no transcoder, no cipher, no topics resolved from database text."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        event = cast(Event, domain_event)
        state = event.to_json().encode()
        return StoredEvent(event.originator_id, event.originator_version, event.find_stored_name(), state)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        id = cast(UUID, stored_event.originator_id)
        data = json.loads(stored_event.state)
        return Event.from_stored(id, stored_event.originator_version, stored_event.topic, data)
