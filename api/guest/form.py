"""Forms as browsers send them without JavaScript: read strictly, answered at the fields, nothing lost."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from api.http.dependencies import VISIBLE_ASCII
from api.http.problem_details import field_name
from api.http.strict_json import rule_broken_by
from api.http.validation_messages import message_of
from api.v1.request_bodies import NewBooking, NewStart, Reason
from domain.refusals import Invalid

M = TypeVar("M", bound=BaseModel)

MOST_FIELDS = 20
FORM = "application/x-www-form-urlencoded"
AGAIN = "Please press the button once more."
SENT_BEFORE = (
    "This form was sent before with other details, so nothing was done now. If you booked a meeting then, your"
    " confirmation page and your calendar entry lead to it."
)
MESSAGES = {
    "missing": "Please fill this in.",
    "string_too_short": "Please fill this in.",
    "string_too_long": "This is too long.",
}


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, line breaks as one character. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Invalid("body", "This form cannot be read.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise Invalid("body", "This form cannot be read.") from None
    fields = {name: value.replace("\r\n", "\n") for name, value in pairs}
    if len(fields) < len(pairs):
        raise Invalid("body", "A field of this form stands more than once.")
    return fields


Fields = Annotated[dict[str, str], Depends(fields_of)]


@dataclass(frozen=True)
class Filled:
    """A form as it was filled in, and what is wrong with it by field."""

    fields: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The idempotency key of this form: as sent, or a new one."""
        sent = self.fields.get("key", "")
        return sent if VISIBLE_ASCII.fullmatch(sent) else new_key()

    def with_errors(self, errors: Mapping[str, str]) -> "Filled":
        """The same form with what is wrong with it."""
        return Filled(self.fields, errors)

    def under_a_new_key(self, sentence: str) -> "Filled":
        """The same form for another request, with what is to be said of it."""
        return Filled({**self.fields, "key": new_key()}, {"form": sentence})


def new_key() -> str:
    """An idempotency key that nobody can guess."""
    return secrets.token_urlsafe(24)


def booking_of(filled: Filled) -> tuple[NewBooking | None, Filled]:
    """The booking that a form wishes, or the form with what is wrong with it."""
    sent = filled.fields
    guest = {name: sent.get(name, "") for name in ("name", "email", "time_zone")}
    body = {"start": sent.get("start", ""), "guest": guest, "notes": sent.get("notes", "").strip() or None}
    found, errors = read(NewBooking, body, sent)
    if sent.get("key", "") != filled.key:
        errors = {**errors, "form": AGAIN}
    return (None if errors else found), filled.with_errors(errors)


def start_of(filled: Filled) -> tuple[NewStart | None, Filled]:
    """The time that a meeting shall be moved to, or the form with what is wrong with it."""
    found, errors = read(NewStart, {"start": filled.fields.get("start", "")}, filled.fields)
    return found, filled.with_errors(errors)


def reason_of(filled: Filled) -> tuple[Reason | None, Filled]:
    """Why a meeting is cancelled, or the form with what is wrong with it."""
    reason = filled.fields.get("reason", "").strip() or None
    found, errors = read(Reason, {"reason": reason}, filled.fields)
    return found, filled.with_errors(errors)


def read(model: type[M], body: dict[str, Any], sent: Mapping[str, str]) -> tuple[M | None, dict[str, str]]:
    """A body from a form, or what is wrong by field of the form."""
    broken = {name: rule for name, text in sent.items() if (rule := rule_broken_by(text))}
    if broken:
        return None, broken
    try:
        return model.model_validate(body), {}
    except ValidationError as error:
        return None, {field_of(one): said(one) for one in reversed(error.errors())}


def field_of(error: Any) -> str:
    """The form's field that an error is about."""
    return field_name(("form", *error["loc"])).rpartition(".")[2]


def said(error: Any) -> str:
    """What is wrong, as a sentence beside the field."""
    return MESSAGES.get(error["type"]) or message_of(error)
