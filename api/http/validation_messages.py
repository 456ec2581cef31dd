"""What a value must be, wherever it comes from, and the sentence for one that is not."""

from typing import Any
from uuid import UUID

from domain.refusals import NotFound


def message_of(error: Any) -> str:
    """The rule in a sentence, without the value that broke it."""
    if error["type"] == "extra_forbidden":
        return "This field is not known."
    if error["type"] == "missing":
        return "This field is required."
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"])
    if error["type"].startswith("uuid"):
        return "This is not an id."
    return f"{error['msg']}."


def known_id(value: str) -> UUID:
    """An id in a path; a malformed one is as unknown as any. Raises NotFound."""
    try:
        return UUID(value)
    except ValueError:
        raise NotFound from None
