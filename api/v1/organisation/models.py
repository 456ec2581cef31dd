"""What is sent to change the organisation, and what is answered about it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StrictInt, StringConstraints

from api.field_types import Name, TimeZone, WebAddress
from api.v1.request_bodies import PatchBody
from domain.organisation import CalendarChangePolicy, ReplacementPolicy

# RFC 5646, 2.1: language, script, region and variants; extensions are for nobody's pages
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-([A-Za-z\d]{5,8}|\d[A-Za-z\d]{3}))*")


def require_language_tag(value: str) -> str:
    """Require a well-formed language tag. Raises ValueError."""
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError("Send a language tag (BCP 47), such as en or pt-BR.")
    return value


Locale = Annotated[str, StringConstraints(max_length=35), AfterValidator(require_language_tag)]
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
