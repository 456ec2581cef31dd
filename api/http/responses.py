"""Turning rows and command outcomes into answers."""

from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel

from api.http.dependencies import Caller, tagged, written
from api.services import Oncelink
from domain.log import Outcome
from domain.refusals import NotFound
from projections.queries.pagination import Page

M = TypeVar("M", bound=BaseModel)


def shape(model: type[M], row: Any, **more: Any) -> M:
    """A row as the API's model of it. Raises NotFound for no row."""
    if row is None:
        raise NotFound
    return model.model_validate({**row, **more})


def created(response: Response, oncelink: Oncelink, outcome: Outcome) -> None:
    """Says where in the log a creation is, and whether its answer is a repetition."""
    written_by(response, oncelink, outcome.position, outcome.replayed)


def written_by(response: Response, oncelink: Oncelink, position: int | None, replayed: bool) -> None:
    """Says where in the log a request's last event is, and whether the answer is a repetition."""
    response.headers.update(written(position))
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    else:
        oncelink.appended()


def changed(response: Response, oncelink: Oncelink, position: int | None) -> None:
    """Says where in the log a change is; nothing when nothing changed."""
    if position is not None:
        response.headers.update(written(position))
        oncelink.appended()


def tag(response: Response, version: int) -> None:
    """Says which version this is."""
    response.headers.update(tagged(version))


def page_of(page: Page[Any]) -> dict[str, Any]:
    """A page of rows in the contract's envelope."""
    return {"items": page.items, "next_cursor": page.next_cursor}


def link_row(oncelink: Oncelink, row: Any) -> dict[str, Any]:
    """A link's row with its URL. Raises NotFound for no row."""
    if row is None:
        raise NotFound
    return {**row, "url": f"{oncelink.settings.base_url}/book/{row['slug']}"}


def single_use_row(oncelink: Oncelink, caller: Caller, row: Any) -> dict[str, Any]:
    """A single-use link's row, with its code for who issued it. Raises NotFound for no row."""
    if row is None:
        raise NotFound
    code = oncelink.codes.make(row["id"], "book") if row["issued_by"]["id"] == caller.person.id else None
    return {**row, "code": code, "url": code and f"{oncelink.settings.base_url}/s/{code}"}
