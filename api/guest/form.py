"""Forms of guests, without JavaScript: parsed strictly; errors are shown at their fields, and no input is lost."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from api.http.dependencies import VISIBLE_ASCII
from api.http.problem_details import format_field_name
from api.http.strict_json import find_broken_rule
from api.http.validation_messages import explain_validation_error
from api.v1.request_bodies import NewBooking, NewStart, Reason
from domain.refusals import Invalid

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS = 20
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
SEND_AGAIN_MESSAGE = "Please press the button once more."
KEY_REUSED_MESSAGE = (
    "This form was sent before with other details, so nothing was done now. If you booked a meeting then, your"
    " confirmation page and your calendar entry lead to it."
)
MESSAGES = {
    "missing": "Please fill this in.",
    "string_too_short": "Please fill this in.",
    "string_too_long": "This is too long.",
}


async def read_fields(request: Request) -> dict[str, str]:
    """Return the fields of a form; each line break is one LF. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_MEDIA_TYPE:
        raise Invalid("body", "This form cannot be read.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise Invalid("body", "This form cannot be read.") from None
    fields = {name: value.replace("\r\n", "\n") for name, value in pairs}
    if len(fields) < len(pairs):
        raise Invalid("body", "A field of this form stands more than once.")
    return fields


Fields = Annotated[dict[str, str], Depends(read_fields)]


@dataclass(frozen=True)
class GuestForm:
    """The fields of a form as they were sent, and its errors by field."""

    fields: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The idempotency key of this form: the one sent, or a new one."""
        key = self.fields.get("key", "")
        return key if VISIBLE_ASCII.fullmatch(key) else generate_key()

    def replace_errors(self, errors: Mapping[str, str]) -> "GuestForm":
        """Return the same form with these errors."""
        return GuestForm(self.fields, errors)

    def renew_key(self, sentence: str) -> "GuestForm":
        """Return the same form with a new key and a message."""
        return GuestForm({**self.fields, "key": generate_key()}, {"form": sentence})


def generate_key() -> str:
    """Generate an idempotency key that nobody can guess."""
    return secrets.token_urlsafe(24)


def parse_booking(form: GuestForm) -> tuple[NewBooking | None, GuestForm]:
    """Return the booking that a form requests, or None and the form with its errors."""
    fields = form.fields
    guest = {name: fields.get(name, "") for name in ("name", "email", "time_zone")}
    body = {"start": fields.get("start", ""), "guest": guest, "notes": fields.get("notes", "").strip() or None}
    new_booking, errors = validate_body(NewBooking, body, fields)
    if fields.get("key", "") != form.key:
        errors = {**errors, "form": SEND_AGAIN_MESSAGE}
    return (None if errors else new_booking), form.replace_errors(errors)


def parse_start(form: GuestForm) -> tuple[NewStart | None, GuestForm]:
    """Return the new start of a meeting, or None and the form with its errors."""
    new_start, errors = validate_body(NewStart, {"start": form.fields.get("start", "")}, form.fields)
    return new_start, form.replace_errors(errors)


def parse_reason(form: GuestForm) -> tuple[Reason | None, GuestForm]:
    """Return the reason of a cancellation, or None and the form with its errors."""
    reason = form.fields.get("reason", "").strip() or None
    body, errors = validate_body(Reason, {"reason": reason}, form.fields)
    return body, form.replace_errors(errors)


def validate_body(model: type[M], body: dict[str, Any], fields: Mapping[str, str]) -> tuple[M | None, dict[str, str]]:
    """Validate a body with a request model of the JSON API; return None and the errors by field if it is invalid."""
    errors = {name: message for name, text in fields.items() if (message := find_broken_rule(text))}
    if errors:
        return None, errors
    try:
        return model.model_validate(body), {}
    except ValidationError as error:
        return None, {get_field(detail): describe_error(detail) for detail in reversed(error.errors())}


def get_field(error: Any) -> str:
    """Return the form's field that a validation error is about."""
    return format_field_name(("form", *error["loc"])).rpartition(".")[2]


def describe_error(error: Any) -> str:
    """Return a validation error as a message for its field."""
    return MESSAGES.get(error["type"]) or explain_validation_error(error)
