"""What a guest sends to book a meeting, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.guest_check import GuestCheck
from domain.offer import LinkOffer
from domain.token import Token


@dataclass(frozen=True, slots=True)
class BookingTarget:
    """What a guest's code or slug refers to: the token of a single-use link, or the slug of a core link."""

    token_id: UUID | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A guest's booking request: a start, and the personal details {guest, notes} that are stored beside the log.

    A repeated request is recognised whatever was sent for the check, which each booking spends anew.
    """

    start: datetime
    details: dict[str, Any]
    key: str | None = None
    check: GuestCheck | None = None  # for core links

    @property
    def body(self) -> dict[str, Any]:
        """The request as values, which the Idempotency-Key stands for."""
        return {"start": self.start.isoformat(), **self.details}


@dataclass(frozen=True, slots=True)
class BookingResult:
    """A booked meeting: its token, and the offer as it was at that instant."""

    token: Token
    offer: LinkOffer
    details: dict[str, Any]
    position: int | None
    replayed: bool = False
