"""Validates forms with the request models of the JSON API and maps refusals to form fields."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.http.problem_details import format_field_name
from api.http.strict_json import find_broken_rule
from api.http.validation_messages import explain_validation_error
from domain.refusals import EmailTaken, Invalid, Refusal, SlugTaken

M = TypeVar("M", bound=BaseModel)

FIELD_BY_REFUSAL: dict[type[Refusal], str] = {SlugTaken: "slug", EmailTaken: "email"}


class InvalidForm(Exception):
    """A submitted form is invalid; `errors` maps each field to a message."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(dict(errors))
        self.errors = dict(errors)


def validate_form(model: type[M], values: Mapping[str, Any]) -> M:
    """Validate a form's values with a request model of the JSON API. Raises InvalidForm."""
    for name, value in values.items():
        if isinstance(value, str) and (message := find_broken_rule(value.replace("\r\n", "\n"))):
            raise InvalidForm({name: message})
    try:
        return model.model_validate({name: normalize_line_breaks(value) for name, value in values.items()})
    except ValidationError as error:
        errors = {
            format_field_name(("form", *detail["loc"])): explain_validation_error(detail)
            for detail in error.errors(include_input=False)
        }
        raise InvalidForm(errors) from None


def normalize_line_breaks(value: Any) -> Any:
    """Replace the CRLF line breaks that forms send by LF; other values are returned as they are."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def collect_field_errors(error: Refusal | InvalidForm) -> dict[str, str]:
    """Return a refusal's messages by field. A refusal that concerns no field is raised again."""
    if isinstance(error, InvalidForm):
        return error.errors
    if isinstance(error, Invalid):
        return {error.field: error.message}
    if type(error) in FIELD_BY_REFUSAL:
        return {FIELD_BY_REFUSAL[type(error)]: error.sentence}
    raise error
