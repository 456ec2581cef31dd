"""Validates forms with the request models of the JSON API and maps refusals to form fields."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.http.strict_json import iterate_texts
from api.http.text_rules import find_broken_rule
from api.http.validation_messages import explain_validation_error
from domain.refusals import EmailTaken, Invalid, Refusal, SlugTaken

M = TypeVar("M", bound=BaseModel)

FIELD_BY_REFUSAL: dict[type[Refusal], str] = {SlugTaken: "slug", EmailTaken: "email"}


class InvalidForm(Exception):
    """A submitted form is invalid; `errors` maps each field to a message."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(dict(errors))
        self.errors = dict(errors)


def validate_form(model: type[M], values: Mapping[str, Any], messages: Mapping[str, str] | None = None) -> M:
    """Validate a form's values with a request model of the JSON API. Raises InvalidForm with one message per field.

    `messages` replaces messages, by the type of Pydantic's error.
    """
    broken_rules = {get_field_name(path.split(".")): find_broken_rule(text) for path, text in iterate_texts(values)}
    if errors := {name: message for name, message in broken_rules.items() if message}:
        raise InvalidForm(errors)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_input=False):
            message = (messages or {}).get(detail["type"]) or explain_validation_error(detail)
            errors.setdefault(get_field_name(detail["loc"]), message)
        raise InvalidForm(errors) from None


def get_field_name(location: Sequence[Any]) -> str:
    """Return the form's field of a location in a request body: the last name in it, or `form` if there is none."""
    return next((str(part) for part in reversed(location) if not str(part).isdecimal()), "form")


def collect_field_errors(error: Refusal | InvalidForm) -> dict[str, str]:
    """Return a refusal's messages by field. A refusal that concerns no field is raised again."""
    if isinstance(error, InvalidForm):
        return error.errors
    if isinstance(error, Invalid):
        return {error.field: error.message}
    if type(error) in FIELD_BY_REFUSAL:
        return {FIELD_BY_REFUSAL[type(error)]: error.sentence}
    raise error
