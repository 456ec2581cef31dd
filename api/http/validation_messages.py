"""Validation messages, and the parsing of ids."""

from typing import Any
from uuid import UUID

from domain.refusals import NotFound


def explain_validation_error(error: Any) -> str:
    """Explain a Pydantic error in a sentence, without the value."""
    if error["type"] == "extra_forbidden":
        return "This field is not known."
    if error["type"] == "missing":
        return "This field is required."
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"])
    if error["type"].startswith("uuid"):
        return "This is not an id."
    return f"{error['msg']}."


def parse_id(value: str) -> UUID:
    """Parse an id of a path; a malformed one is unknown. Raises NotFound."""
    try:
        return UUID(value)
    except ValueError:
        raise NotFound from None
