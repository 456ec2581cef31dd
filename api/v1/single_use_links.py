"""Single-use links: issue, list, revoke."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.http.dependencies import (
    Caller,
    CurrentCaller,
    CurrentServices,
    FollowsMinPosition,
    Id,
    IdempotencyKey,
    describe_request,
)
from api.http.problem_details import describe_problems
from api.http.responses import (
    add_single_use_url,
    announce_change,
    announce_creation,
    to_page_response,
)
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.list_queries import SingleUseQuery
from api.v1.request_bodies import NewSingleUse, Reason, Revocation
from api.v1.response_models import Issued, PageOf, Revocations, Revoked, SingleUse
from domain.commands.single_use_links import SingleUseDetails
from domain.link import Link
from domain.refusals import AlreadyBooked, Forbidden, NotFound, TryAgain
from domain.token import Token
from projections import single_use_links

router = APIRouter(prefix="/v1", tags=["Single-use links"], route_class=StrictRoute)


@router.post(
    "/links/{id}/single-use",
    status_code=201,
    response_model=Issued,
    responses=describe_problems(401, 403, 404, "link_deleted", "erased", 413, 422, 503),
    operation_id="issue_single_use",
)
def issue_single_use(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    key: IdempotencyKey,
    body: NewSingleUse,
    response: Response,
) -> dict[str, Any]:
    """Makes single-use links of a core link: a count, or one for each recipient.

    For the link's owner and managers; for every member if it is in the library. Send `count`, or `recipients` with
    a name or e-mail address each, not both; 100 at most. `expires_at` is earlier than the link's own expiry and the
    end of its lifetime; the answer has the earliest. With `only_recipient` nobody but the recipient, by e-mail
    address, may book. `send` mails each link to its recipient, with the `message` if there is one. `code` and `url`
    are told to whoever issues them. `label`, `metadata` and recipients count as personal details and can be erased.
    """
    request = describe_request(body, route="single-use", link=str(id))
    outcome, ids = services.single_use_links.issue_links(
        caller.build_context(body.source), id, build_details(body), key, request, body.to_terms()
    )
    announce_creation(response, services, outcome)
    rows = single_use_links.find_single_use_links(services.from_log(outcome.position), ids, outcome.at)
    return {"items": [add_single_use_url(services, caller, row) for row in rows]}


@router.get(
    "/single-use",
    response_model=PageOf[SingleUse],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 422, 503),
)
def list_single_use(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[SingleUseQuery, Query()]
) -> dict[str, Any]:
    """Single-use links, newest first; a member's own, and those of links that they own.

    `status` and `expires_at` are the effective ones: they follow the core link. `code` and `url` are null except
    for who issued the link.
    """
    caller.require_any_role("member", "auditor")
    filters = query.to_filters(caller.person.id, caller.limit_visibility("manager", "auditor"))
    if caller.limited:
        filters = replace(filters, issued_by=limit_to_own(caller, query.issued_by))
    page = single_use_links.list_single_use_links(
        services.live_source, services.clock(), filters, query.sort, query.limit, query.cursor
    )
    return to_page_response(page) | {"items": [add_single_use_url(services, caller, row) for row in page.items]}


@router.get("/single-use/{id}", response_model=SingleUse, responses=describe_problems(401, 403, 404, 503))
def get_single_use(services: CurrentServices, caller: CurrentCaller, id: Id) -> dict[str, Any]:
    """A single-use link, always current.

    For whoever issued it, the owner of its core link, managers and auditors. `code` and `url` are null except for
    who issued it.
    """
    caller.require_any_role("member", "auditor")
    refuse_unless_visible(services, caller, services.scheduling.load_aggregate(Token, id))
    return load_single_use(services, caller, id)


@router.post(
    "/single-use/{id}/revoke",
    response_model=SingleUse,
    responses=describe_problems(401, 403, 404, "already_booked", 413, 422, 503),
    operation_id="revoke_single_use",
)
def revoke_single_use(
    services: CurrentServices, caller: CurrentCaller, id: Id, response: Response, body: Reason | None = None
) -> dict[str, Any]:
    """Withdraws an unused single-use link.

    For whoever issued it, the owner of its core link, and managers. It never works again. Revoking it again changes
    nothing; a booked one is refused.
    """
    caller.require_any_role("member", "auditor")
    announce_change(response, services, revoke_link(services, caller, id, body.reason if body else None))
    return load_single_use(services, caller, id)


@router.post(
    "/single-use/revoke",
    response_model=Revocations,
    responses=describe_problems(401, 403, 413, 422, 503),
    operation_id="revoke_single_use_links",
)
def revoke_single_use_links(
    services: CurrentServices, caller: CurrentCaller, body: Revocation, response: Response
) -> dict[str, Any]:
    """Withdraws several unused single-use links.

    Each is withdrawn by itself, at most 200 at once: one that is refused does not stop the others.
    """
    caller.require_any_role("member")
    outcomes, position = revoke_links(services, caller, body.ids, body.reason)
    announce_change(response, services, position)
    items = [Revoked(id=id) if code is None else {"id": id, "code": code} for id, code in outcomes.items()]
    return {"items": items}


def revoke_links(
    services: Services, caller: Caller, ids: Sequence[UUID], reason: str | None
) -> tuple[dict[UUID, str | None], int | None]:
    """Revoke single-use links one after the other. Returns the code of each that was refused, None for the others.

    And the last position that was appended, None if nothing was.
    """
    outcomes: dict[UUID, str | None] = {}
    last_position: int | None = None
    for id in ids:
        try:
            last_position = revoke_link(services, caller, id, reason) or last_position
            outcomes[id] = None
        except (AlreadyBooked, NotFound, Forbidden, TryAgain) as refusal:
            outcomes[id] = refusal.code
    return outcomes, last_position


def revoke_link(services: Services, caller: Caller, id: UUID, reason: str | None) -> int | None:
    """Revoke a single-use link; a limited key only its person's own. Raises NotFound, Forbidden, AlreadyBooked."""
    if caller.limited:
        refuse_unless_visible(services, caller, services.scheduling.load_aggregate(Token, id))
    return services.single_use_links.revoke_link(caller.context, id, reason)


def build_details(body: NewSingleUse) -> list[SingleUseDetails]:
    """Build the details of each link to issue."""
    if body.recipients is None:
        return [SingleUseDetails(label=body.label, metadata=body.metadata)] * body.count
    return [SingleUseDetails(recipient.model_dump(), body.label, body.metadata) for recipient in body.recipients]


def limit_to_own(caller: Caller, issued_by: UUID | None) -> UUID:
    """Limit a limited key's list to its person. Raises Forbidden when another issuer is requested."""
    if issued_by not in (None, caller.person.id):
        raise Forbidden
    return caller.person.id


def refuse_unless_visible(services: Services, caller: Caller, token: Token) -> None:
    """A member sees those that they issued, and those of links that they own; a limited key only the former.

    Raises NotFound.
    """
    if token.issued_event is None:
        raise NotFound
    if caller.limit_visibility("manager", "auditor") in (None, token.issued_event.issued_by):
        return
    if caller.limited:
        raise NotFound
    if services.links.load_aggregate(Link, token.link_id).properties.owner_id != caller.person.id:
        raise NotFound


def load_single_use(services: Services, caller: Caller, id: UUID) -> dict[str, Any]:
    """Load a single-use link from the log. Raises NotFound."""
    row = single_use_links.find_single_use_link(services.from_log(), id, services.clock())
    return add_single_use_url(services, caller, row)
