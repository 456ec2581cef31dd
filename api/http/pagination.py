"""What every list takes from its query: limit, cursor, and the words of a search."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from api.http.strict_json import rule_broken_by


def clean(value: str) -> str:
    """A query text without control characters."""
    if broken := rule_broken_by(value):
        raise ValueError(broken)
    return value


Limit = Annotated[int, Query(ge=1, le=200, description="How many, at most 200.")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="`next_cursor` of the page before."),
    AfterValidator(lambda v: v and clean(v)),
]
Search = Annotated[
    str | None,
    Query(max_length=200, description="Word prefixes, whatever the case."),
    AfterValidator(lambda v: v and clean(v)),
]
