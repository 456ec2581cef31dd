"""Query parameters of pages: a filter that is sent empty, as forms do without JavaScript, is no filter."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from api.field_types import Day
from api.http.pagination import Cursor, Search


def to_none_if_blank(value: Any) -> Any:
    """Return None for an empty value."""
    return value if value else None


Blank = BeforeValidator(to_none_if_blank)
SearchQuery = Annotated[Search, Blank]
PageCursor = Annotated[Cursor, Blank]
RowNumber = Annotated[int, Query(ge=1, le=1_000_000_000, description="The number of the page's first row.")]
OptionalId = Annotated[UUID | None, Blank]
OptionalDay = Annotated[Day | None, Blank]


class ListPageQuery(BaseModel):
    """The query of a page with a list: its page, and the number of its first row."""

    model_config = ConfigDict(frozen=True)

    cursor: Cursor = None
    row: RowNumber = 1

    @model_validator(mode="before")
    @classmethod
    def drop_blanks(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Drop what is sent empty."""
        return {name: value for name, value in values.items() if value != ""}


class ListParameters(ListPageQuery):
    """The query of a page with a list that can be searched."""

    q: Search = None


ListQuery = Annotated[ListParameters, Query()]
