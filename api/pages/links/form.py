"""Properties of a link as fields of a form: texts as typed, times in the viewer's zone."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator

from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.query_parameters import Blank, SearchQuery
from api.v1.request_bodies import LinkChanges, ManagedLinkChanges, NewLink, NewManagedLink, PatchBody
from integrations.time_zone_names import name_place

LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
MEETING_TYPE_MISSING = "Choose a meeting type."
HOSTS_MISSING = "Choose at least one host."


def split_ids(value: Any) -> Any:
    """Return a form's ids as a list without repetitions; a value may hold several, separated by commas."""
    texts = [value] if isinstance(value, str) else value
    ids = [id for text in texts for id in str(text).split(",") if id]
    return list(dict.fromkeys(ids))


Ids = Annotated[list[UUID], BeforeValidator(split_ids)]


class BaseLinkForm(BaseModel):
    """Fields shared by the forms of links and of managed links; `who` and `what` search people and meeting types."""

    CHANGES: ClassVar[type[PatchBody]]

    name: str = ""
    slug: Annotated[str, AfterValidator(str.strip)] = ""
    meeting_type_id: Annotated[UUID | None, Blank] = None
    team_id: Annotated[UUID | None, Blank] = None
    expires_at: str = ""
    single_use_only: bool = False
    default_lifetime_days: Annotated[str, AfterValidator(str.strip)] = ""
    version: Annotated[int | None, Blank] = None
    key: str = ""
    who: SearchQuery = None
    what: SearchQuery = None

    def to_hidden_fields(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, to carry them from one page of a form to the next."""
        return self.model_dump(mode="json", exclude={"who", "what"}, exclude_defaults=True)

    def to_values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """Return the properties as the JSON API takes them; `expiries` are the saved ones. Raises InvalidForm."""
        if self.meeting_type_id is None:
            raise InvalidForm({"meeting_type_id": MEETING_TYPE_MISSING})
        return {
            "name": self.name,
            "slug": self.slug,
            "meeting_type_id": self.meeting_type_id,
            "team_id": self.team_id,
            "expires_at": parse_expiry(self.expires_at, zone, *expiries),
            "single_use_only": self.single_use_only,
            "default_lifetime_days": parse_days(self.default_lifetime_days),
        }

    def to_changes(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """Return the change of every property; `expiries` are the saved ones. Raises InvalidForm."""
        return validate_form(self.CHANGES, self.to_values(zone, *expiries)).get_sent_fields()


class LinkForm(BaseLinkForm):
    """The form of a link, and the version it was made on."""

    CHANGES = LinkChanges

    co_host_ids: Ids = []
    in_library: bool = False

    def to_values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """Add what only links have. Raises InvalidForm."""
        link_values = {"co_host_ids": self.co_host_ids, "in_library": self.in_library}
        return super().to_values(zone, *expiries) | link_values

    def to_new_link(self, zone: str) -> NewLink:
        """Return the request to create the link. Raises InvalidForm."""
        return validate_form(NewLink, self.to_values(zone) | {"slug": self.slug or None})


class ManagedLinkForm(BaseLinkForm):
    """The form of a managed link, and the version it was made on."""

    CHANGES = ManagedLinkChanges

    host_ids: Ids = []

    def to_values(self, zone: str, *expiries: datetime | None) -> dict[str, Any]:
        """Add what only managed links have. Raises InvalidForm."""
        if not self.host_ids:
            raise InvalidForm({"host_ids": HOSTS_MISSING})
        return super().to_values(zone, *expiries) | {"host_ids": self.host_ids}

    def to_new_managed_link(self, zone: str) -> NewManagedLink:
        """Return the request to create the managed link. Raises InvalidForm."""
        return validate_form(NewManagedLink, self.to_values(zone))


def parse_days(text: str) -> int | None:
    """Return a number of days; None for an empty field. Raises InvalidForm."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise InvalidForm({"default_lifetime_days": "Write a number of days, from 1 to 3650."})
    return int(text)


def format_local_time(instant: datetime | None, zone: str) -> str:
    """Return an instant as a `datetime-local` field shows it in a zone; "" for None."""
    return "" if instant is None else instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat("T", "minutes")


def parse_expiry(text: str, zone: str, *expiries: datetime | None) -> str | None:
    """Return a field's text as RFC 3339; if it still shows a saved instant, exactly that one. Raises InvalidForm."""
    if not text:
        return None
    saved = next(
        (expiry for expiry in expiries if expiry is not None and text == format_local_time(expiry, zone)), None
    )
    return (saved or parse_local_time(text, zone)).isoformat().replace("+00:00", "Z")


def parse_local_time(text: str, zone: str) -> datetime:
    """Return the instant of a local time; the first one where clocks are put back. Raises InvalidForm."""
    if not LOCAL_TIME.fullmatch(text):
        raise InvalidForm({"expires_at": "Write a day and a time, for example 2026-12-01T18:00."})
    try:
        local_time = datetime.fromisoformat(text)
        instant = local_time.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        round_trip = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise InvalidForm({"expires_at": "There is no such day or time."}) from None
    if round_trip != local_time:
        raise InvalidForm(
            {"expires_at": f"There is no such time in {name_place(zone)}: the clocks are put forward over it."}
        )
    return instant
