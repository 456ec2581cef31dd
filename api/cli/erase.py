"""`oncelink erase`: erases a guest's or recipient's personal details."""

from typing import Annotated

import typer
from pydantic import ValidationError

from api.cli.command_context import Json, explain_errors, print_answer, use_services
from api.cli.people import build_operator_context
from api.http.access.entries import record_operator_access
from api.http.validation_messages import explain_validation_error
from api.v1.request_bodies import WhomToErase
from domain.refusals import Invalid


def erase(
    email: Annotated[str, typer.Argument(help="The guest's or recipient's e-mail address, whatever its case.")],
    as_json: Json = False,
) -> None:
    """Erase what a guest or recipient gave: names, addresses, notes, labels, metadata and reasons."""
    with explain_errors():
        address = parse_email(email)
        with use_services() as services:
            erasure = services.erasure.erase_personal_details(build_operator_context(services.clock), address)
            services.announce_append()
            record_operator_access(services, "erasure", what="guest", rows=erasure.erased_details)
            at = erasure.at.isoformat().replace("+00:00", "Z")
            data = {"id": str(erasure.id), "erased_at": at, "details": erasure.erased_details}
            print_answer(
                as_json, data, f"Erased {erasure.erased_details} rows of personal details; the erasure is {erasure.id}."
            )


def parse_email(email: str) -> str:
    """Parse an e-mail address. Raises Invalid."""
    try:
        return WhomToErase(email=email).email
    except ValidationError as error:
        raise Invalid("email", explain_validation_error(error.errors()[0])) from None
