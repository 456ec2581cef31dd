"""What is sent to change the organisation, and what is answered about it."""

from typing import Annotated

from pydantic import BaseModel, Field, StrictInt

from api.field_types import Locale, Name, TimeZone, WebAddress
from api.v1.request_bodies import PatchBody
from domain.organisation import CalendarChangePolicy, ReplacementPolicy

Months = Annotated[StrictInt, Field(ge=1, le=600)]


class OrganisationChanges(PatchBody):
    """What may be changed of the organisation."""

    CLEARABLE = frozenset({"support_contact", "privacy_url", "imprint_url", "retention_months"})

    name: Name | None = None
    time_zone: TimeZone | None = None
    default_locale: Locale | None = None
    support_contact: Name | None = None
    privacy_url: WebAddress | None = None
    imprint_url: WebAddress | None = None
    replacement: ReplacementPolicy | None = None
    calendar_changes: CalendarChangePolicy | None = None
    retention_months: Months | None = None


class Organisation(BaseModel):
    """The organisation; `version` is 0 until it is changed for the first time."""

    name: str
    time_zone: str
    default_locale: str
    support_contact: str | None
    privacy_url: str | None
    imprint_url: str | None
    replacement: ReplacementPolicy
    calendar_changes: CalendarChangePolicy
    retention_months: int | None
    version: int
