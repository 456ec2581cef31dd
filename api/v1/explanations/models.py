"""What an explanation answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from domain.verdicts.judging import PersonRole, PolicyName
from projections.queries.name_lookups import Named


class Filling(BaseModel):
    """What fills a piece of one's own time: a meeting with its buffers, or an entry of a calendar, by that's name.

    `ends_at` is null where the calendar is not known any further.
    """

    begins_at: datetime
    ends_at: datetime | None
    booking_id: UUID | None
    calendar: str | None


class StartVerdict(BaseModel):
    """What one rule says, about one person where it is about people. `fillings` only the person themselves see."""

    policy: PolicyName
    passes: bool
    reason: str
    person: Named | None
    role: PersonRole | None
    fillings: list[Filling] | None


class Explanation(BaseModel):
    """Every verdict on a start. `at` is the instant for which it holds; `position` of the log only for a past one.

    `unknown` says what of a past instant is not known any more.
    """

    link: Named
    start: datetime
    at: datetime
    position: int | None
    on_offer: bool
    verdicts: list[StartVerdict]
    unknown: str | None
