"""What pages take from their query: a filter that is sent empty, as forms do without JavaScript, is no filter."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

from api.http.pagination import Cursor, Search


def none_if_blank(value: Any) -> Any:
    """Nothing for an empty text."""
    return value if value else None


Blank = BeforeValidator(none_if_blank)
Words = Annotated[Search, Blank]
PageCursor = Annotated[Cursor, Blank]
Row = Annotated[int, Query(ge=1, le=1_000_000_000, description="The number of the page's first row.")]
