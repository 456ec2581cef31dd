"""Forms in request bodies: one strict reader, bounded in the number of fields and in size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, get_origin
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel, ValidationError

from api.http.problem_details import format_field_name
from api.http.validation_messages import explain_validation_error
from domain.refusals import Invalid

M = TypeVar("M", bound=BaseModel)

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000
UNREADABLE_MESSAGE = "This form cannot be read."
REPEATED_MESSAGE = "A field of this form stands more than once."


@dataclass(frozen=True)
class SubmittedForm:
    """The fields of a form as they were sent: pairs of a name and a text, in which each line break is one LF."""

    pairs: Sequence[tuple[str, str]] = ()

    def list_values(self, name: str) -> list[str]:
        """Return the values of a field that may stand several times."""
        return [value for field, value in self.pairs if field == name]

    def get_value(self, name: str) -> str:
        """Return the value of a field that stands once; "" if it is missing. Raises HTTPException."""
        values = self.list_values(name)
        if len(values) > 1:
            raise HTTPException(400, REPEATED_MESSAGE)
        return values[0] if values else ""


async def read_form(request: Request) -> SubmittedForm:
    """Return the form in the body of a request; a body without content is one without fields. Raises HTTPException."""
    body = await request.body()
    if not body:
        return SubmittedForm()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM_MEDIA_TYPE:
        raise HTTPException(400, UNREADABLE_MESSAGE)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HTTPException(400, UNREADABLE_MESSAGE) from None
    return SubmittedForm([(name, value.replace("\r\n", "\n")) for name, value in pairs])


Form = Annotated[SubmittedForm, Depends(read_form)]


class FormText:
    """A dependency: one text of a form. A field that is sent empty counts as not sent, and has the default."""

    def __init__(self, name: str, default: str = "", max_length: int | None = None) -> None:
        self.name = name
        self.default = default
        self.max_length = max_length

    async def __call__(self, form: Form) -> str:
        """Return the text. Raises Invalid, HTTPException."""
        text = form.get_value(self.name)
        if self.max_length is not None and len(text) > self.max_length:
            raise Invalid(self.name, f"String should have at most {self.max_length} characters.")
        return text or self.default


class FormModel(Generic[M]):
    """A dependency: a form as a model. Fields that are sent empty count as not sent; a list takes all values."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self.list_fields = {name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}

    async def __call__(self, form: Form) -> M:
        """Return the model. Raises Invalid, HTTPException."""
        values: dict[str, Any] = {
            name: form.list_values(name) if name in self.list_fields else form.get_value(name)
            for name in self.model.model_fields
        }
        try:
            return self.model.model_validate({name: value for name, value in values.items() if value})
        except ValidationError as error:
            detail = error.errors(include_input=False)[0]
            raise Invalid(format_field_name(("form", *detail["loc"])), explain_validation_error(detail)) from None
