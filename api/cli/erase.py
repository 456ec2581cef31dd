"""`oncelink erase`: a guest's or recipient's personal details, as the operator."""

from typing import Annotated

import typer
from pydantic import ValidationError

from api.cli.command_context import Json, composed, explained, tell
from api.cli.people import by_operator
from api.http.validation_messages import message_of
from api.v1.request_bodies import WhomToErase
from domain.refusals import Invalid


def erase(
    email: Annotated[str, typer.Argument(help="The guest's or recipient's e-mail address, whatever its case.")],
    as_json: Json = False,
) -> None:
    """Erase what a guest or recipient gave: names, addresses, notes, labels, metadata and reasons."""
    with explained():
        address = checked(email)
        with composed() as oncelink:
            erased = oncelink.erasing.erase(by_operator(), address)
            oncelink.appended()
            at = erased.at.isoformat().replace("+00:00", "Z")
            facts = {"id": str(erased.id), "erased_at": at, "details": erased.details}
            tell(as_json, facts, f"Erased {erased.details} rows of personal details; the erasure is {erased.id}.")


def checked(email: str) -> str:
    """An address as guests' addresses are kept. Raises Invalid."""
    try:
        return WhomToErase(email=email).email
    except ValidationError as error:
        raise Invalid("email", message_of(error.errors()[0])) from None
