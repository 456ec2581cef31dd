"""Request bodies of guests who book."""

from typing import Annotated

from pydantic import Field

from api.field_types import Email, Instant, Locale, Name, RequestBody, Text, TimeZone
from api.v1.bodies.questions import Answers


class NewGuest(RequestBody):
    """Who books, and in which zone they read times."""

    name: Name
    email: Email
    time_zone: TimeZone
    locale: Annotated[Locale | None, Field(description="The language that they read, BCP 47.")] = None


class NewBooking(RequestBody):
    """A meeting to book: the start of an offered slot, who books, and what the link asks for besides."""

    start: Instant
    guest: NewGuest
    notes: Text | None = None
    answers: Answers = {}  # noqa: RUF012
    proof_of_work: Annotated[str, Field(max_length=4000, description="A solved challenge.")] | None = None
    mailed_code: Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The code that was mailed.")] | None = None
