"""What a guest sends to book a meeting, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.answers import check_answers
from domain.guest_check import GuestCheck
from domain.offer import LinkOffer
from domain.questions import Question
from domain.token import Token


@dataclass(frozen=True, slots=True)
class BookingTarget:
    """What a guest's code or slug refers to: the token of a single-use link, or the slug of a core link."""

    token_id: UUID | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A guest's booking request: a start, and the personal details {guest, notes} that are stored beside the log.

    `answers` are values by the keys of questions, as they were sent; `locale` is the guest's language (BCP 47).
    A repeated request is recognised whatever was sent for the check, which each booking spends anew.
    """

    start: datetime
    details: dict[str, Any]
    key: str | None = None
    check: GuestCheck | None = None  # for core links
    answers: Mapping[str, Any] = field(default_factory=dict)
    locale: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The request as values, which the Idempotency-Key stands for; without what is not sent, as it ever was."""
        later = {"answers": dict(self.answers), "locale": self.locale}
        return {
            "start": self.start.isoformat(),
            **self.details,
            **{name: value for name, value in later.items() if value},
        }

    def build_details(self, questions: Sequence[Question]) -> dict[str, Any]:
        """Returns the personal details to keep, with the answers as they were asked. Raises InvalidAnswers."""
        answers = check_answers(questions, self.answers)
        return {**self.details, **({"answers": answers} if answers else {})}


@dataclass(frozen=True, slots=True)
class BookingResult:
    """A booked meeting: its token, and the offer as it was at that instant."""

    token: Token
    offer: LinkOffer
    details: dict[str, Any]
    position: int | None
    replayed: bool = False
