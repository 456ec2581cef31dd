"""Days off: the public holidays that a person keeps, and their absences."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Holidays(BaseModel):
    """The public holidays of a country (ISO 3166-1) and region (ISO 3166-2), except days on which the person works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str
    region: str | None = None
    except_days: tuple[str, ...] = ()


class Absence(BaseModel):
    """A time from the first to the last day on which a person is away, both included.

    Guests read the message, and are led to the link of a colleague.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_day: str
    last_day: str
    message: str | None = None
    instead_link_id: UUID | None = None
