"""The properties of a link as a form holds them: texts as typed, times in the zone of who types."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator

from api.pages.rendering.forms import WrongForm, checked
from api.pages.rendering.query_parameters import Blank, Words
from api.v1.request_bodies import LinkChanges, ManagedLinkChanges, NewLink, NewManagedLink

LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
NO_TYPE = "Choose a meeting type."
NO_HOSTS = "Choose at least one host."


def ids_apart(value: Any) -> Any:
    """Ids that a form sends one by one, or several with commas between them; each once."""
    texts = [value] if isinstance(value, str) else value
    found = [part for text in texts for part in str(text).split(",") if part]
    return list(dict.fromkeys(found))


Ids = Annotated[list[UUID], BeforeValidator(ids_apart)]


class TypedForm(BaseModel):
    """What the forms of links and of managed links share; `who` and `what` search people and meeting types."""

    name: str = ""
    slug: Annotated[str, AfterValidator(str.strip)] = ""
    meeting_type_id: Annotated[UUID | None, Blank] = None
    expires_at: str = ""
    version: Annotated[int | None, Blank] = None
    key: str = ""
    who: Words = None
    what: Words = None

    def typed(self) -> dict[str, Any]:
        """What is typed, for carrying it from one page of a form to the next."""
        return self.model_dump(mode="json", exclude={"who", "what"}, exclude_defaults=True)

    def values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """The properties as the JSON API takes them; `expiries` are those it had so far. Raises WrongForm."""
        if self.meeting_type_id is None:
            raise WrongForm({"meeting_type_id": NO_TYPE})
        return {
            "name": self.name,
            "slug": self.slug,
            "meeting_type_id": self.meeting_type_id,
            "expires_at": instant_text(self.expires_at, zone, *expiries),
        }


class LinkForm(TypedForm):
    """The form of a link, and the version that it was made on."""

    co_host_ids: Ids = []
    in_library: bool = False

    def values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """As above, with what only links have."""
        own = {"co_host_ids": self.co_host_ids, "in_library": self.in_library}
        return super().values(zone, *expiries) | own

    def new(self, zone: str) -> NewLink:
        """The link to publish. Raises WrongForm."""
        return checked(NewLink, self.values(zone) | {"slug": self.slug or None})

    def changes(self, zone: str, *expiries: datetime | None) -> LinkChanges:
        """Every property of a link, whose expiry was one of these so far. Raises WrongForm."""
        return checked(LinkChanges, self.values(zone, *expiries))


class ManagedLinkForm(TypedForm):
    """The form of a managed link, and the version that it was made on."""

    host_ids: Ids = []

    def values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """As above, with what only managed links have. Raises WrongForm."""
        if not self.host_ids:
            raise WrongForm({"host_ids": NO_HOSTS})
        return super().values(zone, *expiries) | {"host_ids": self.host_ids}

    def new(self, zone: str) -> NewManagedLink:
        """The managed link to make. Raises WrongForm."""
        return checked(NewManagedLink, self.values(zone))

    def changes(self, zone: str, *expiries: datetime | None) -> ManagedLinkChanges:
        """Every property of a managed link, whose expiry was one of these so far. Raises WrongForm."""
        return checked(ManagedLinkChanges, self.values(zone, *expiries))


def as_typed(instant: datetime | None, zone: str) -> str:
    """An instant as a field for date and time shows it in a zone."""
    return "" if instant is None else instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat("T", "minutes")


def instant_text(typed: str, zone: str, *kept: datetime | None) -> str | None:
    """What is typed, as RFC 3339; a field that still shows an earlier instant means that very one. Raises WrongForm."""
    if not typed:
        return None
    same = next((one for one in kept if one is not None and typed == as_typed(one, zone)), None)
    return (same or instant_of(typed, zone)).isoformat().replace("+00:00", "Z")


def instant_of(typed: str, zone: str) -> datetime:
    """The instant of a wall-clock time; its first occurrence where clocks are put back. Raises WrongForm."""
    if not LOCAL.fullmatch(typed):
        raise WrongForm({"expires_at": "Write a day and a time, for example 2026-12-01T18:00."})
    try:
        local = datetime.fromisoformat(typed)
        instant = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        there = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise WrongForm({"expires_at": "There is no such day or time."}) from None
    if there != local:
        raise WrongForm({"expires_at": f"There is no such time in {zone}: the clocks are put forward over it."})
    return instant
