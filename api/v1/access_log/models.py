"""What the access log answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from store.access_log import AccessKind


class AccessLogEntry(BaseModel):
    """One entry. `actor` did it, where that is known; `person` is whose account or key it is about.

    `reason` says why it was refused. The names are those of today.
    """

    id: int
    at: datetime
    kind: AccessKind
    reason: str | None
    actor_id: UUID | None
    actor_name: str | None
    person_id: UUID | None
    person_name: str | None
    client: str | None
    request_id: str
    details: dict[str, Any]
