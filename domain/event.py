"""The base class of domain events, and the catalogue that maps stored names to event classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Source = Literal["web", "api", "extension", "cli"]


def to_utc(instant: datetime) -> datetime:
    """Returns the same instant in UTC."""
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(to_utc)]


class Actor(BaseModel):
    """Who caused an event: a person of the organisation, a guest (nameless in the log) or the system itself."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["person", "guest", "system"]
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a command: the instant, the actor and their roles, the request id and the source."""

    now: datetime
    actor: Actor
    request_id: str
    source: Source = "api"
    roles: frozenset[str] = field(default_factory=frozenset)


class Event(BaseModel):
    """One thing that happened to one stream; its payload is what is stored in the log as `data`.

    Subclasses write their stored name on the class, `class LinkDeleted(Event, name="LinkDeleted.v1")`; it never
    changes, and a changed meaning is a new version. A version that only adds fields is named on the class too, with
    the fields: `later={"LinkUpdated.v2": ("team_id",)}`. An event is stored under the lowest version that can say it:
    while the added fields have their defaults, programs from before the new version can read it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stored_name: ClassVar[str]  # of the first version
    versions: ClassVar[Mapping[str, tuple[str, ...]]]  # stored name of each version: the fields that it adds
    catalogue: ClassVar[dict[str, type["Event"]]] = {}

    originator_id: UUID = Field(exclude=True)
    originator_version: int = Field(exclude=True)
    occurred_at: Instant
    actor: Actor
    request_id: str
    source: Source

    def __init_subclass__(
        cls, name: str | None = None, later: Mapping[str, tuple[str, ...]] | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if name is None:
            return
        cls.stored_name = name
        cls.versions = {name: (), **(later or {})}
        for version_name in cls.versions:
            if version_name in Event.catalogue:
                raise TypeError(f"two event classes are stored as {version_name}")
            Event.catalogue[version_name] = cls

    @classmethod
    def from_stored(cls, stream_id: UUID, version: int, name: str, data: Mapping[str, Any]) -> "Event":
        """Builds the event that was stored under `name`.

        Raises KeyError for a name outside the catalogue, ValueError for data that this version does not have.
        """
        event_class = cls.catalogue[name]
        if unknown_fields := event_class.list_later_fields(name) & data.keys():
            raise ValueError(f"{name} has no fields {sorted(unknown_fields)}")
        return event_class.model_validate({**data, "originator_id": stream_id, "originator_version": version})

    @classmethod
    def list_later_fields(cls, name: str) -> set[str]:
        """Returns the fields that only versions after the one stored as `name` have."""
        names = list(cls.versions)
        return {field for later in names[names.index(name) + 1 :] for field in cls.versions[later]}

    def find_stored_name(self) -> str:
        """Returns the stored name of the lowest version that can say this event."""
        for name, fields in reversed(tuple(self.versions.items())):
            if any(getattr(self, field) != type(self).model_fields[field].default for field in fields):
                return name
        return self.stored_name

    def to_data(self) -> dict[str, Any]:
        """Returns the payload as JSON values, as the version under which the event is stored has it."""
        return self.model_dump(mode="json", exclude=self.list_later_fields(self.find_stored_name()))

    def to_json(self) -> str:
        """Returns the payload of `to_data` as JSON text."""
        return self.model_dump_json(exclude=self.list_later_fields(self.find_stored_name()))

    @classmethod
    def from_context(cls, stream_id: UUID, version: int, context: Context, **payload: Any) -> Self:
        """Builds a new event of a stream with the instant, actor, request id and source of the context."""
        return cls(
            originator_id=stream_id,
            originator_version=version,
            occurred_at=context.now,
            actor=context.actor,
            request_id=context.request_id,
            source=context.source,
            **payload,
        )


class Properties(BaseModel):
    """All properties of a thing: the payload of its created and updated events, and part of its state."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_event(cls, event: object) -> Self:
        """Returns the properties that an event carries, without its other fields."""
        return cls(**{name: getattr(event, name) for name in cls.model_fields})

    def apply_changes(self, changes: Mapping[str, Any]) -> Self:
        """Returns a copy with some properties replaced. Values are validated, so that equal means unchanged."""
        return type(self)(**{**dict(self), **changes})


class IdempotentEvent(Event):
    """The first event of something a client may create with an Idempotency-Key.

    `request_key` is the SHA-256 of the key; `request_digest` of the canonical body, salted where the body is personal.
    """

    request_key: str | None = None
    request_digest: str | None = None


class PersonalDetailsReference(BaseModel):
    """A reference to personal details outside the log: the row's id, and a digest salted with the row's salt."""

    model_config = ConfigDict(frozen=True)

    details_id: UUID | None = None
    details_digest: str | None = None
