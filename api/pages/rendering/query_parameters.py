"""Query parameters of pages: a filter that is sent empty, as forms do without JavaScript, is no filter."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, BeforeValidator

from api.field_types import Day
from api.http.pagination import Cursor, Search


def to_none_if_blank(value: Any) -> Any:
    """Return None for an empty value."""
    return value if value else None


Blank = BeforeValidator(to_none_if_blank)
SearchQuery = Annotated[Search, Blank]
PageCursor = Annotated[Cursor, Blank]
RowNumber = Annotated[int, Query(ge=1, le=1_000_000_000, description="The number of the page's first row.")]


class ListParameters(BaseModel):
    """The query of a page with a list: the search, and which page of the list."""

    q: SearchQuery = None
    cursor: PageCursor = None
    row: RowNumber = 1


ListQuery = Annotated[ListParameters, Query()]
