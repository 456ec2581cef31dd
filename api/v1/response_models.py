"""What the API answers: one model for each thing, with the contract's names."""

from datetime import date, datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel

Item = TypeVar("Item")


class PageOf(BaseModel, Generic[Item]):
    """Some of a list, and where the next page begins; null on the last one."""

    items: list[Item]
    next_cursor: str | None


class Named(BaseModel):
    """Another thing, by its id and current name."""

    id: UUID
    name: str


class Person(BaseModel):
    """A person; hours are wall-clock times in the person's own zone. `busy_feed_url` only for themselves and admins."""

    id: UUID
    name: str
    email: str
    time_zone: str
    roles: list[str]
    active: bool
    busy_feed_url: str | None
    weekly_hours: dict[str, list[tuple[str, str]]]
    date_overrides: dict[str, list[tuple[str, str]]]
    version: int


class MeetingType(BaseModel):
    """A meeting type; durations in minutes, the window in days."""

    id: UUID
    name: str
    description: str | None
    duration_minutes: int
    location: str | None
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    booking_window_days: int
    slot_step_minutes: int
    version: int


class SingleUseCounts(BaseModel):
    """How many single-use links were issued from a link, and of them how many can be booked or are."""

    issued: int
    active: int
    booked: int


class Link(BaseModel):
    """A core link."""

    id: UUID
    kind: Literal["standard", "managed"]
    name: str
    slug: str
    url: str
    owner: Named
    co_hosts: list[Named]
    meeting_type: Named
    expires_at: datetime | None
    in_library: bool
    status: Literal["active", "disabled", "expired", "deleted"]
    managed_link_id: UUID | None
    single_use: SingleUseCounts
    created_at: datetime
    updated_at: datetime
    version: int


class Impact(BaseModel):
    """What an edit of a link touches: single-use links that can still be booked, and meetings still to come."""

    active_single_use: int
    booked_upcoming: int


class LeftBehind(BaseModel):
    """What a person leaves behind who leaves: active links that need their time, and as for an edit of a link."""

    active_links: int
    active_single_use: int
    booked_upcoming: int


class ManagedLink(BaseModel):
    """A managed link; each host has a core link of it."""

    id: UUID
    name: str
    slug: str
    meeting_type: Named
    hosts: list[Named]
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class Recipient(BaseModel):
    """Who a single-use link was made for."""

    name: str | None
    email: str | None


class SingleUse(BaseModel):
    """A single-use link; `status` and `expires_at` follow its core link. `code` and `url` only for its issuer.

    `erased` says that recipient, label and metadata were erased.
    """

    id: UUID
    code: str | None
    url: str | None
    status: Literal["active", "booked", "expired", "revoked", "disabled", "deleted"]
    link: Named
    meeting_type: Named
    issued_by: Named
    issued_at: datetime
    recipient: Recipient | None
    label: str | None
    metadata: dict[str, str]
    expires_at: datetime | None
    booking_id: UUID | None
    source: str
    erased: bool


class Issued(BaseModel):
    """The single-use links that were made."""

    items: list[SingleUse]


class Guest(BaseModel):
    """Who booked a meeting."""

    name: str
    email: str
    time_zone: str


class Meeting(BaseModel):
    """A row of the meeting log; `erased` says that personal details of it were erased, `guest` then is null."""

    booking_id: UUID
    booked_at: datetime
    status: Literal["scheduled", "rescheduled", "cancelled"]
    link_type: Literal["standard", "managed", "single_use"]
    link: Named
    single_use_id: UUID | None
    recipient: Recipient | None
    label: str | None
    meeting_type: Named
    host: Named
    co_hosts: list[Named]
    guest: Guest | None
    starts_at: datetime
    ends_at: datetime
    reschedule_count: int
    previous_starts_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: Literal["guest", "host"] | None
    cancel_reason: str | None
    issued_by: Named | None
    issued_at: datetime | None
    source: str
    erased: bool


class Booking(Meeting):
    """A booking with what only its own page shows."""

    notes: str | None
    version: int


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
    """What a link offers to a guest; `time_zone` is the host's."""

    kind: Literal["standard", "managed", "single_use"]
    meeting_type: OfferedType
    hosts: list[Host]
    expires_at: datetime | None
    time_zone: str


class Slot(BaseModel):
    """One offered time, [start, end)."""

    start: datetime
    end: datetime


class Slots(BaseModel):
    """The offered times of some days, in order."""

    time_zone: str
    slots: list[Slot]


class GuestBooking(BaseModel):
    """A booking as its guest sees it; `guest` is null once their details were erased."""

    id: UUID
    status: Literal["scheduled", "rescheduled", "cancelled"]
    start: datetime
    end: datetime
    meeting_type: OfferedType
    hosts: list[Host]
    guest: Guest | None


class BookingMade(BaseModel):
    """A new booking, and the guest's way back to it."""

    booking: GuestBooking
    manage_url: str


class Managed(BaseModel):
    """A booking behind its manage code."""

    booking: GuestBooking


class Usage(BaseModel):
    """How much one day, link, issuer, meeting type or source was used; only the one that was grouped by is there."""

    day: date | None
    link: Named | None
    issuer: Named | None
    meeting_type: Named | None
    source: str | None
    issued: int
    booked: int
    rescheduled: int
    cancelled: int
    expired_unused: int
    median_hours_to_booking: float | None


class Erasure(BaseModel):
    """An erasure that was carried out, and how many rows of personal details it deleted. It never says whose."""

    id: UUID
    erased_at: datetime
    details: int


class CalendarFeed(BaseModel):
    """The secret address of one's own calendar of meetings, for calendar programs; whoever has it may read it."""

    url: str | None
    created_at: datetime | None


class ApiKey(BaseModel):
    """An API key; the key itself is shown once, when it is made."""

    id: UUID
    name: str
    created_at: datetime


class NewApiKey(ApiKey):
    """An API key that has just been made."""

    key: str
