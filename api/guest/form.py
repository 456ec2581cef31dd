"""Forms of guests, without JavaScript: errors are shown at their fields, and no input is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, HTTPException
from pydantic import BaseModel

from api.guest.questions import PREFIX, find_broken_answers, parse_answers
from api.http.form_body import UNREADABLE_MESSAGE, Form
from api.pages.rendering.form_keys import generate_form_key, parse_form_key
from api.pages.rendering.forms import InvalidForm, validate_form
from api.v1.bodies.bookings import NewBooking
from api.v1.request_bodies import NewStart, Reason
from projections.single_use_links import Recipient

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS = 40  # names; an answer may have several values
SEND_AGAIN_MESSAGE = "Please press the button once more."
SENT_BEFORE_MESSAGE = (
    "This form was sent before with other details, so nothing was done now. If you booked a meeting then, your"
    " confirmation page and your calendar entry lead to it."
)
NO_CODE_MESSAGE = (
    "This page makes a small computation before it books, and needs JavaScript and a current browser for that. Please"
    " switch JavaScript on, or ask whoever sent you the link."
)
MESSAGES = {
    "string_pattern_mismatch": "A code has six digits.",
    "missing": "Please fill this in.",
    "string_too_short": "Please fill this in.",
    "string_too_long": "This is too long.",
}


def read_fields(form: Form) -> dict[str, str]:
    """Return the fields of a form in which each stands once, or is an answer: then in lines. Raises HTTPException."""
    names = dict.fromkeys(name for name, _ in form.pairs)
    if len(names) > MAX_FIELDS:
        raise HTTPException(400, UNREADABLE_MESSAGE)
    return {
        name: "\n".join(form.list_values(name)) if name.startswith(PREFIX) else form.get_value(name) for name in names
    }


Fields = Annotated[dict[str, str], Depends(read_fields)]


@dataclass(frozen=True)
class GuestForm:
    """The fields of a form as they were sent, and its errors by field."""

    fields: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The idempotency key of this form: the one sent, or a new one."""
        return parse_form_key(self.fields.get("key", "")) or generate_form_key()

    @property
    def asks_for_code(self) -> bool:
        """Whether the form has a field for the code that was mailed."""
        return "mailed_code" in self.fields

    @property
    def asks_for_another_code(self) -> bool:
        """Whether the guest wants another code to be mailed."""
        return bool(self.fields.get("another_code"))

    def add_code_field(self) -> "GuestForm":
        """Return the same form with an empty field for the code that was mailed."""
        fields = {name: value for name, value in self.fields.items() if name != "another_code"}
        return GuestForm({**fields, "mailed_code": ""})

    def fill_in(self, prefill: Mapping[str, str], recipient: Recipient | None) -> "GuestForm":
        """Return the form as it is first shown: with what the address says, and with the recipient's own details.

        A form that was sent stays as it is.
        """
        if "name" in self.fields or "email" in self.fields:
            return self
        own = {name: value for name in ("name", "email") if recipient and (value := recipient[name])}
        return GuestForm({**self.fields, **prefill, **own}, self.errors)

    def replace_errors(self, errors: Mapping[str, str]) -> "GuestForm":
        """Return the same form with these errors."""
        return GuestForm(self.fields, errors)

    def replace_key(self, message: str) -> "GuestForm":
        """Return the same form with a new key, for another request, and a message about it."""
        return GuestForm({**self.fields, "key": generate_form_key()}, {"form": message})


def parse_booking(form: GuestForm) -> tuple[NewBooking | None, GuestForm]:
    """Return the booking that a form requests, or None and the form with its errors."""
    fields = form.fields
    guest = {name: fields.get(name, "") for name in ("name", "email", "time_zone")}
    code = "" if form.asks_for_another_code else fields.get("mailed_code", "")
    body = {
        "start": fields.get("start", ""),
        "guest": guest,
        "notes": fields.get("notes", "").strip() or None,
        "mailed_code": "".join(code.split()) or None,
    }
    answers = parse_answers(fields)
    new_booking, form = validate_body(NewBooking, body, form)
    if errors := find_broken_answers(answers):
        return None, form.replace_errors({**form.errors, **errors})
    if fields.get("key", "") != form.key:
        return None, form.replace_errors({**form.errors, "form": SEND_AGAIN_MESSAGE})
    return new_booking and new_booking.model_copy(update={"answers": answers}), form


def parse_start(form: GuestForm) -> tuple[NewStart | None, GuestForm]:
    """Return the new start of a meeting, or None and the form with its errors."""
    return validate_body(NewStart, {"start": form.fields.get("start", "")}, form)


def parse_reason(form: GuestForm) -> tuple[Reason | None, GuestForm]:
    """Return the reason of a cancellation, or None and the form with its errors."""
    return validate_body(Reason, {"reason": form.fields.get("reason", "").strip() or None}, form)


def validate_body(model: type[M], body: dict[str, Any], form: GuestForm) -> tuple[M | None, GuestForm]:
    """Validate a body with a request model of the JSON API; return None and the form with its errors if invalid."""
    try:
        return validate_form(model, body, MESSAGES), form.replace_errors({})
    except InvalidForm as error:
        return None, form.replace_errors(error.errors)
