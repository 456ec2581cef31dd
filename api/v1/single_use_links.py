"""Single-use links: issuing from a core link, listing, revoking."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response

from api.clock import now
from api.http.dependencies import Caller, FollowsMinPosition, Id, IdempotencyKey, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import changed, created, page_of, shape, single_use_row
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import NewSingleUse, Reason
from api.v1.response_models import Issued, PageOf, SingleUse
from domain.commands.single_use_links import Given
from domain.link import Link
from domain.refusals import Forbidden, NotFound
from domain.token import Token
from projections import single_use_links
from projections.single_use_links import SingleUseFilters

router = APIRouter(prefix="/v1", tags=["Single-use links"], route_class=StrictRoute)

Status = Literal["active", "booked", "expired", "revoked", "disabled", "deleted"]


@router.post(
    "/links/{id}/single-use",
    status_code=201,
    response_model=Issued,
    responses=answers(401, 403, 404, 410, 413, 422, 503),
    operation_id="issue_single_use",
)
def issue(
    parts: Parts, caller: Signed, id: Id, key: IdempotencyKey, body: NewSingleUse, response: Response
) -> dict[str, Any]:
    """Makes single-use links of a core link: a count, or one for each recipient."""
    request = digestible(body, route="single-use", link=str(id))
    outcome, ids = parts.issuing.issue(caller.from_source(body.source), id, given(body), key, request)
    created(response, parts, outcome)
    rows = single_use_links.many(parts.from_log(outcome.position), ids, outcome.at)
    return {"items": [single_use_row(parts, caller, row) for row in rows]}


@router.get(
    "/single-use",
    response_model=PageOf[SingleUse],
    dependencies=[FollowsMinPosition],
    responses=answers(401, 403, 422, 503),
)
def list_single_use(
    parts: Parts,
    caller: Signed,
    link_id: UUID | None = None,
    status: Status | None = None,
    issued_by: UUID | None = None,
    q: Search = None,
    sort: Literal["issued_at", "-issued_at"] = "-issued_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Single-use links, newest first; a member's own, and those of links that they own."""
    caller.require("member", "auditor")
    if caller.limited:
        issued_by = only_own(caller, issued_by)
    filters = SingleUseFilters(link_id, status, issued_by, q, caller.sees_all("manager", "auditor"))
    page = single_use_links.page(parts.live, now(), filters, sort, limit, cursor)
    return page_of(page) | {"items": [single_use_row(parts, caller, row) for row in page.items]}


@router.get("/single-use/{id}", response_model=SingleUse, responses=answers(401, 403, 404, 503))
def get_single_use(parts: Parts, caller: Signed, id: Id) -> SingleUse:
    """A single-use link, always current."""
    caller.require("member", "auditor")
    refuse_unless_seen(parts, caller, parts.scheduling.get(Token, id))
    return current(parts, caller, id)


@router.post(
    "/single-use/{id}/revoke",
    response_model=SingleUse,
    responses=answers(401, 403, 404, 409, 413, 422, 503),
    operation_id="revoke_single_use",
)
def revoke(parts: Parts, caller: Signed, id: Id, response: Response, body: Reason | None = None) -> SingleUse:
    """Withdraws an unused single-use link."""
    caller.require("member", "auditor")
    if caller.limited:
        refuse_unless_seen(parts, caller, parts.scheduling.get(Token, id))
    reason = body.reason if body else None
    changed(response, parts, parts.issuing.revoke(caller.context, id, reason))
    return current(parts, caller, id)


def given(body: NewSingleUse) -> list[Given]:
    """What is said of each link to make."""
    if body.recipients is None:
        return [Given(label=body.label, metadata=body.metadata)] * body.count
    return [Given(one.model_dump(), body.label, body.metadata) for one in body.recipients]


def only_own(caller: Caller, issued_by: UUID | None) -> UUID:
    """Whose single-use links a limited key lists: its person's. Raises Forbidden when others' are asked for."""
    if issued_by not in (None, caller.person.id):
        raise Forbidden
    return caller.person.id


def refuse_unless_seen(parts: Oncelink, caller: Caller, token: Token) -> None:
    """A member sees those that they issued, and those of links that they own; a limited key only the former.

    Raises NotFound.
    """
    if token.issued is None:
        raise NotFound
    if caller.sees_all("manager", "auditor") in (None, token.issued.issued_by):
        return
    if caller.limited:
        raise NotFound
    if parts.publishing.get(Link, token.link_id).properties.owner_id != caller.person.id:
        raise NotFound


def current(parts: Oncelink, caller: Caller, id: UUID) -> SingleUse:
    """A single-use link from the log. Raises NotFound."""
    return shape(SingleUse, single_use_row(parts, caller, single_use_links.one(parts.from_log(), id, now())))
