"""Bodies and answers about webhook endpoints."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from api.field_types import RequestBody, require_unique
from api.v1.request_bodies import PatchBody
from integrations.webhooks.event_types import Details, WebhookType

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Types = Annotated[list[WebhookType], AfterValidator(require_unique), Field(min_length=1, max_length=30)]
Position = Annotated[int, Field(strict=True, ge=0, le=10**18 - 1)]


class NewWebhook(RequestBody):
    """An endpoint that gets what happens from now on; `replay` sends it what happened before."""

    url: Url
    types: Types
    details: Details = "ids"
    active: Annotated[bool, Field(strict=True)] = True


class WebhookChanges(PatchBody):
    """What of an endpoint changes; `active` enables one again that was disabled."""

    url: Url | None = None
    types: Types | None = None
    details: Details | None = None
    active: Annotated[bool, Field(strict=True)] | None = None


class Replay(RequestBody):
    """From where in the log events are sent again: those at this position and after it; 0 sends all."""

    from_position: Position


class Webhook(BaseModel):
    """An endpoint. It has got everything of its types up to `position`.

    `problem` says why the last attempt failed, `disabled_at` when this service gave up. The secret before a rotation
    signs too until `previous_secret_until`.
    """

    id: UUID
    url: str
    types: list[WebhookType]
    details: Details
    active: bool
    position: int
    failed_attempts: int
    next_attempt_at: datetime | None
    problem: str | None
    disabled_at: datetime | None
    previous_secret_until: datetime | None
    owner_id: UUID
    created_at: datetime
    updated_at: datetime
    version: int


class NewWebhookAnswer(Webhook):
    """An endpoint with its secret, which is shown only here."""

    secret: str


class WebhookTest(BaseModel):
    """What came of a test: the status that was answered, or the reason why there was none."""

    delivered: bool
    status: int | None
    reason: str | None
    milliseconds: int


class WebhookDelivery(BaseModel):
    """One attempt to deliver an event; a test has position 0."""

    id: int
    event_id: str
    type: WebhookType
    position: int
    attempt: int
    at: datetime
    delivered: bool
    status: int | None
    reason: str | None
    milliseconds: int


class TypeOfWebhook(BaseModel):
    """A type of webhook, with the body that is sent for it (`details`: `ids`)."""

    type: WebhookType
    sample: dict[str, Any]


class WebhookTypes(BaseModel):
    """All types."""

    items: list[TypeOfWebhook]
