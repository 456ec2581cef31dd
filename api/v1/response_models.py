"""What the API answers: one model for each thing, with the contract's names."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Generic, Literal, NotRequired, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Discriminator, Field
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict, get_original_bases

from api.http.access.key_scopes import Scope
from api.v1.host_absences import HostAbsence
from projections.departures import DepartureImpact
from projections.links import LinkRow
from projections.managed_links import ManagedLinkRow
from projections.meeting_log import BookingRow, Guest, MeetingRow
from projections.meeting_types import MeetingTypeRow
from projections.people import PersonRow
from projections.queries.name_lookups import Named
from projections.questions import AnswerRow, QuestionRow
from projections.single_use_links import Recipient, SingleUseRow
from projections.teams import TeamRow
from projections.usage import UsageRow

Item = TypeVar("Item")
RowType = TypeVar("RowType")


def place_after(field: str) -> Callable[[type[RowType]], type[RowType]]:
    """Return a decorator that places the fields that a model adds to its row type after a field of that type."""

    def arrange(model: type[RowType]) -> type[RowType]:
        hints = model.__annotations__
        row_fields = [name for base in get_original_bases(model) for name in base.__annotations__]
        added = [name for name in hints if name not in row_fields]
        position = row_fields.index(field) + 1
        model.__annotations__ = {name: hints[name] for name in [*row_fields[:position], *added, *row_fields[position:]]}
        return model

    return arrange


class PageOf(BaseModel, Generic[Item]):
    """Some of a list, and where the next page begins; null on the last one."""

    items: list[Item]
    next_cursor: str | None


class Person(PersonRow):
    """A person; hours are wall-clock times in the person's own zone. `busy_feed_url` only for themselves and admins."""


class MeetingType(MeetingTypeRow):
    """A meeting type; durations in minutes, the window in days."""


class Team(TeamRow):
    """A team: people who can stand in for each other, with the weight of each one's share."""


@place_after("slug")
class Link(LinkRow):
    """A core link."""

    url: str


class LeftBehind(DepartureImpact):
    """What a person leaves behind who leaves: active links that need their time, and as for an edit of a link."""


class ManagedLink(ManagedLinkRow):
    """A managed link; each host has a core link of it."""


@place_after("id")
class SingleUse(SingleUseRow):
    """A single-use link; `status` and `expires_at` follow its core link. `code` and `url` only for its issuer.

    `erased` says that recipient, label and metadata were erased.
    """

    code: str | None
    url: str | None


class Issued(BaseModel):
    """The single-use links that were made."""

    items: list[SingleUse]


class Revoked(BaseModel):
    """A single-use link that is revoked now, or was before."""

    id: UUID
    status: Literal["revoked"] = "revoked"


class NotRevoked(BaseModel):
    """A single-use link that was left as it is, and why."""

    id: UUID
    code: Literal["already_booked", "not_found", "forbidden", "try_again"]


class Revocations(BaseModel):
    """What became of each single-use link, in the order of the request."""

    items: list[Revoked | NotRevoked]


class Meeting(MeetingRow):
    """A row of the meeting log; `erased`: personal details of it were. `position`: of its last change, if asked for."""

    position: NotRequired[int]


class NotBooked(TypedDict):
    """A single-use link that booked nothing so far, as a row of the meeting log; `link_status` is its effective one."""

    single_use_id: UUID
    status: Literal["not_booked"]
    link_status: Literal["active", "expired", "revoked", "disabled", "deleted"]
    link_type: Literal["single_use"]
    link: Named
    recipient: Recipient | None
    label: str | None
    meeting_type: Named
    issued_by: Named
    issued_at: datetime
    expires_at: datetime | None
    replaces: UUID | None
    source: str
    erased: bool


class MeetingLogPage(BaseModel):
    """Some rows of the meeting log, and where the next page begins; null on the last one.

    All are meetings, or with `status=not_booked` all are links that booked nothing so far.
    """

    items: list[Annotated[Meeting | NotBooked, Discriminator("status")]]
    next_cursor: str | None


@place_after("cancel_reason")
class Booking(BookingRow):
    """A booking with what only its own page shows; `replacement_id` is the link given because it fell through."""

    replacement_id: UUID | None


class OfferedType(BaseModel):
    """What a guest sees of a meeting type."""

    name: str
    description: str | None
    duration_minutes: int
    location: str | None


class Host(BaseModel):
    """What a guest sees of a host."""

    name: str


class Offer(BaseModel):
    """What a link offers to a guest; `time_zone` is the host's, `guest_check` what a booking needs besides.

    `questions` are asked of the guest; answers are sent by their keys.
    `team` is the name of a team of which one member joins the hosts; who it is, is said once a meeting is booked.
    `recipient` is whom a single-use link was made for; with `only_recipient`, only their e-mail address books.
    `absences` are the times in which a host is away, both days included; in each, `instead` is a colleague's page.
    """

    kind: Literal["standard", "managed", "single_use"]
    meeting_type: OfferedType
    questions: list[QuestionRow]
    hosts: list[Host]
    team: str | None
    expires_at: datetime | None
    recipient: Recipient | None
    only_recipient: bool
    time_zone: str
    absences: list[HostAbsence]
    guest_check: Literal["none", "proof_of_work", "mailed_code"]


class ChallengeParameters(BaseModel):
    """The parameters of a challenge, as ALTCHA names them; `expiresAt` is in seconds since 1970."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    algorithm: str
    cost: int
    key_length: int
    key_prefix: str
    key_signature: str
    nonce: str
    salt: str
    expires_at: int


class Challenge(BaseModel):
    """A challenge of ALTCHA, proof of work version 2."""

    parameters: ChallengeParameters
    signature: str


class Slot(BaseModel):
    """One offered time, [start, end)."""

    start: datetime
    end: datetime


class Slots(BaseModel):
    """The offered times of some days, in order: of whole days, at most 3,000."""

    time_zone: str
    slots: list[Slot]
    next_from: date | None = Field(
        description="The first day that was left out because there are more slots; ask again from there. Else null."
    )


class GuestBooking(BaseModel):
    """A booking as its guest sees it; `guest` is null once their details were erased."""

    id: UUID
    status: Literal["scheduled", "rescheduled", "cancelled"]
    start: datetime
    end: datetime
    meeting_type: OfferedType
    hosts: list[Host]
    guest: Guest | None
    answers: list[AnswerRow]


class BookingMade(BaseModel):
    """A new booking, and the guest's way back to it."""

    booking: GuestBooking
    manage_url: str


class Managed(BaseModel):
    """A booking behind its manage code."""

    booking: GuestBooking


class Usage(UsageRow):
    """How much one day, link, issuer, meeting type or source was used; only the one that was grouped by is there."""


class Erasure(BaseModel):
    """An erasure that was carried out, and how many rows of personal details it deleted. It never says whose."""

    id: UUID
    erased_at: datetime
    details: int


class CalendarFeed(BaseModel):
    """The secret address of one's own calendar of meetings, for calendar programs; whoever has it may read it."""

    url: str | None
    created_at: datetime | None


class ApiKeyBase(BaseModel):
    """What an API key is from its making on."""

    id: UUID
    name: str
    scopes: list[Scope] | None
    created_at: datetime
    expires_at: datetime | None


class ApiKey(ApiKeyBase):
    """An API key, whose it is, and its last use; the key itself is shown once, when it is made."""

    person: Named
    last_used_at: datetime | None
    last_used_from: str | None


class NewApiKey(ApiKeyBase):
    """An API key that has just been made."""

    key: str
