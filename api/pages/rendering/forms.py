"""Forms of pages: their fields checked by the JSON API's bodies, and refusals said beside the field they are about."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.http.problem_details import field_name
from api.http.strict_json import rule_broken_by
from api.http.validation_messages import message_of
from domain.refusals import EmailTaken, Invalid, Refusal, SlugTaken

M = TypeVar("M", bound=BaseModel)

FIELDS: dict[type[Refusal], str] = {SlugTaken: "slug", EmailTaken: "email"}


class WrongForm(Exception):
    """What a form holds breaks rules; `errors` says which, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(dict(errors))
        self.errors = dict(errors)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """A form's values as the body that the JSON API would take. Raises WrongForm."""
    for name, value in values.items():
        if isinstance(value, str) and (broken := rule_broken_by(value.replace("\r\n", "\n"))):
            raise WrongForm({name: broken})
    try:
        return model.model_validate({name: tidy(value) for name, value in values.items()})
    except ValidationError as error:
        found = {field_name(("form", *one["loc"])): message_of(one) for one in error.errors(include_input=False)}
        raise WrongForm(found) from None


def tidy(value: Any) -> Any:
    """A text with the line breaks that forms send as others do."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def errors_of(error: Refusal | WrongForm) -> dict[str, str]:
    """The sentences of a refusal by field; one that is about no field is raised again."""
    if isinstance(error, WrongForm):
        return error.errors
    if isinstance(error, Invalid):
        return {error.field: error.message}
    if type(error) in FIELDS:
        return {FIELDS[type(error)]: error.sentence}
    raise error
