"""The query parameters of every list: limit, cursor and search."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from api.http.text_rules import find_broken_rule


def validate_query_text(value: str) -> str:
    """Refuse control characters in a query text. Raises ValueError."""
    if broken_rule := find_broken_rule(value):
        raise ValueError(broken_rule)
    return value


Limit = Annotated[int, Query(ge=1, le=200, description="How many, at most 200.")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="`next_cursor` of the page before."),
    AfterValidator(lambda v: v and validate_query_text(v)),
]
Search = Annotated[
    str | None,
    Query(max_length=200, description="Word prefixes, whatever the case."),
    AfterValidator(lambda v: v and validate_query_text(v)),
]
