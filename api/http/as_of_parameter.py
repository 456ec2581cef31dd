"""Query parameters for a time: an instant, a day, or a position of the log."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, WithJsonSchema

from api.instant_parsing import parse_instant_or_position, parse_range_end, parse_range_start

TEXT = WithJsonSchema({"type": "string"})

At = Annotated[
    int | datetime,
    BeforeValidator(parse_instant_or_position),
    TEXT,
    Query(description="An instant (RFC 3339), or a position of the log, which means its own instant."),
]
From = Annotated[
    datetime | None,
    BeforeValidator(parse_range_start),
    TEXT,
    Query(alias="from", description="Recorded at this instant or later; a day begins at 00:00 UTC."),
]
To = Annotated[
    datetime | None,
    BeforeValidator(parse_range_end),
    TEXT,
    Query(alias="to", description="Recorded before this instant; a day is included whole, in UTC."),
]
