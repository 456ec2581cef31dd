"""Request bodies."""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from api.field_types import (
    Email,
    Instant,
    Locale,
    Name,
    RequestBody,
    Slug,
    Text,
    TextByName,
    require_unique,
)
from api.http.access.key_scopes import Scope
from domain.commands.single_use_links import SingleUseTerms

MAX_BULK_IDS = 200


Ids = Annotated[list[UUID], AfterValidator(require_unique), Field(max_length=20)]
HostIds = Annotated[list[UUID], AfterValidator(require_unique), Field(min_length=1, max_length=100)]
LifetimeDays = Annotated[
    StrictInt, Field(ge=1, le=3650, description="Single-use links expire so many days of 24 hours after their issue.")
]


class PatchBody(RequestBody):
    """The body of a PATCH: an absent field stays as it is; only the fields in `CLEARABLE` may be null."""

    CLEARABLE: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(json_schema_extra=lambda schema, model: drop_null_from_schema(schema, model.CLEARABLE))

    @field_validator("*")
    @classmethod
    def refuse_null(cls, value: object, info: ValidationInfo) -> object:
        """Refuse null for a field that cannot be cleared. Raises ValueError."""
        if value is None and info.field_name not in cls.CLEARABLE:
            raise ValueError("This field cannot be cleared.")
        return value


def drop_null_from_schema(schema: dict[str, Any], clearable: frozenset[str]) -> None:
    """Remove null from the schema of fields that cannot be cleared."""
    for name, field in schema["properties"].items():
        if name in clearable:
            continue
        del field["default"]
        [choice] = [option for option in field.pop("anyOf") if option != {"type": "null"}]
        field.update(choice)


class NewLink(RequestBody):
    """A standard link to publish; the slug is made from the name when absent."""

    name: Name
    slug: Slug | None = None
    meeting_type_id: UUID
    co_host_ids: Ids = []  # noqa: RUF012
    team_id: UUID | None = None
    expires_at: Instant | None = None
    single_use_only: StrictBool = False
    default_lifetime_days: LifetimeDays | None = None
    in_library: StrictBool = False


class LinkChanges(PatchBody):
    """What may be changed of a link; unused single-use links of it follow at once."""

    CLEARABLE = frozenset({"expires_at", "team_id", "default_lifetime_days"})

    name: Name | None = None
    slug: Slug | None = None
    meeting_type_id: UUID | None = None
    co_host_ids: Ids | None = None
    team_id: UUID | None = None
    expires_at: Instant | None = None
    single_use_only: StrictBool | None = None
    default_lifetime_days: LifetimeDays | None = None
    in_library: StrictBool | None = None


class NewManagedLink(RequestBody):
    """A managed link to make for several hosts."""

    name: Name
    slug: Slug
    meeting_type_id: UUID
    host_ids: HostIds
    team_id: UUID | None = None
    expires_at: Instant | None = None
    single_use_only: StrictBool = False
    default_lifetime_days: LifetimeDays | None = None


class ManagedLinkChanges(PatchBody):
    """What may be changed of a managed link, and thereby of each host's link."""

    CLEARABLE = frozenset({"expires_at", "team_id", "default_lifetime_days"})

    name: Name | None = None
    slug: Slug | None = None
    meeting_type_id: UUID | None = None
    host_ids: HostIds | None = None
    team_id: UUID | None = None
    expires_at: Instant | None = None
    single_use_only: StrictBool | None = None
    default_lifetime_days: LifetimeDays | None = None


class NewRecipient(RequestBody):
    """Who a single-use link is made for."""

    name: Name | None = None
    email: Email | None = None


class NewSingleUse(RequestBody):
    """Single-use links to make: a count, or one for each recipient."""

    count: Annotated[StrictInt, Field(ge=1, le=100)] = 1
    recipients: Annotated[list[NewRecipient], Field(min_length=1, max_length=100)] | None = None
    label: Name | None = None
    metadata: Annotated[TextByName, Field(max_length=50)] = {}  # noqa: RUF012
    expires_at: Annotated[Instant | None, Field(description="Earlier than the link's own expiry and lifetime.")] = None
    only_recipient: Annotated[
        StrictBool, Field(description="Nobody but the recipient, by e-mail address, may book.")
    ] = False
    locale: Annotated[Locale | None, Field(description="The language of the recipient, BCP 47.")] = None
    send: Annotated[StrictBool, Field(description="Mail each link to its recipient.")] = False
    message: Annotated[Text | None, Field(description="To the recipient, with the mail; a personal detail.")] = None
    source: Literal["web", "api", "extension"] | None = None

    @model_validator(mode="after")
    def refuse_count_with_recipients(self) -> "NewSingleUse":
        """Refuse a count together with recipients. Raises ValueError."""
        if self.recipients is not None and "count" in self.model_fields_set:
            raise ValueError("Send a count or recipients, not both.")
        return self

    def to_terms(self) -> SingleUseTerms:
        """Convert to what holds for all of them."""
        return SingleUseTerms(self.expires_at, self.only_recipient, self.locale, self.send, self.message)


class Reason(RequestBody):
    """Why something is withdrawn or cancelled, in free text."""

    reason: Text | None = None


class Message(RequestBody):
    """What the issuer of a single-use link writes to its recipient."""

    message: Text | None = None


class Revocation(Reason):
    """The single-use links to withdraw, at most 200, and why."""

    ids: Annotated[list[UUID], AfterValidator(require_unique), Field(min_length=1, max_length=MAX_BULK_IDS)]


MessageText = Annotated[Text | None, Field(description="Mailed to the guest with the change; a personal detail.")]


class NoShow(RequestBody):
    """Whether the guest missed a meeting; and whether they are mailed about it."""

    undo: Annotated[StrictBool, Field(description="The guest came after all.")] = False
    tell_guest: Annotated[StrictBool, Field(description="Mails the guest, with a way to book again.")] = False

    @model_validator(mode="after")
    def refuse_mail_about_undoing(self) -> "NoShow":
        """Refuse to mail the guest about what is undone. Raises ValueError."""
        if self.undo and self.tell_guest:
            raise ValueError("Nobody is told that a no-show is undone: send one of the two.")
        return self


class NewStart(RequestBody):
    """The start of the slot that a meeting is moved to."""

    start: Instant


class Move(NewStart):
    """The start of the slot that a host moves a meeting to, and a message to the guest."""

    message: MessageText = None


class NewHost(RequestBody):
    """Who hosts a meeting from now on, in the place of its host or of the named co-host; and a message to the guest."""

    host_id: UUID
    instead_of: UUID | None = None
    message: MessageText = None


class WhomToErase(RequestBody):
    """Whose personal details to erase: the address that a guest booked with, or that a recipient was given."""

    email: Email


class ApiKeyRequest(RequestBody):
    """An API key to make. Without `scopes` it may do what its person may; without `expires_at` it does not expire."""

    name: Name = "API key"
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=7), AfterValidator(require_unique)] | None = None
    expires_at: Instant | None = None
