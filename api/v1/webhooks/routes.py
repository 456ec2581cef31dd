"""Webhook endpoints: /v1/webhooks."""

import asyncio
from typing import Any, get_args
from uuid import uuid4, uuid5

from fastapi import APIRouter, Depends, Response

from api.http.dependencies import (
    CurrentCaller,
    CurrentServices,
    Id,
    IdempotencyKey,
    IfMatch,
    build_etag_header,
    describe_request,
)
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.v1.response_models import PageOf
from api.v1.webhooks.endpoints import (
    change_endpoint,
    create_endpoint,
    decrypt_endpoint,
    get_endpoint,
    replay_events,
    rotate_endpoint,
    send_test,
    to_response,
)
from api.v1.webhooks.models import (
    NewWebhook,
    NewWebhookAnswer,
    Replay,
    Webhook,
    WebhookChanges,
    WebhookDelivery,
    WebhookTest,
    WebhookTypes,
)
from domain.refusals import CalendarsBusy, Invalid, NotFound
from integrations.webhooks.event_types import WebhookType, build_sample


def require_manager(caller: CurrentCaller) -> None:
    """Require a manager. Raises Forbidden."""
    caller.require_any_role("manager")


ForManagers = Depends(require_manager)
router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"], route_class=StrictRoute, dependencies=[ForManagers])


@router.post("", status_code=201, response_model=NewWebhookAnswer, responses=describe_problems(401, 403, 413, 422, 503))
def create_webhook(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewWebhook, response: Response
) -> dict[str, Any]:
    """Makes a webhook endpoint, and shows its secret, only here (manager).

    What happens from now on is sent there, in order, signed as Standard Webhooks has it; `replay` sends what happened
    before. `details: "ids"` sends no personal details, `"full"` those that are there when it is sent. The address is
    an https:// one, outside of private networks unless the operator allows them.
    """
    id = uuid4() if key is None else uuid5(caller.person.id, f"webhook {key}")
    webhook, is_new = create_endpoint(services, caller, id, dict(body), describe_request(body, route="webhooks"))
    if not is_new:
        services.reader.await_standbys()
        response.headers["Idempotent-Replayed"] = "true"
    response.headers.update(build_etag_header(webhook.version))
    return to_response(services, webhook) | {"secret": decrypt_endpoint(services, webhook).secret}


@router.get("", response_model=PageOf[Webhook], responses=describe_problems(401, 403, 503))
def list_webhooks(services: CurrentServices) -> dict[str, Any]:
    """All webhook endpoints, oldest first, without their secrets (manager).

    Each says up to which position it has got everything, and why the last attempt failed if it did.
    """
    webhooks = services.webhook_context.store.list_webhooks()
    return {"items": [to_response(services, webhook) for webhook in webhooks], "next_cursor": None}


@router.get("/types", response_model=WebhookTypes, responses=describe_problems(401, 403, 503))
def list_webhook_types() -> dict[str, Any]:
    """The types of webhooks, each with a sample of its body (manager).

    The samples have the details `ids`. With `full` there are names and personal details beside them.
    """
    return {"items": [{"type": type, "sample": build_sample(type)} for type in get_args(WebhookType)]}


@router.get("/{id}", response_model=Webhook, responses=describe_problems(401, 403, 404, 503))
def get_webhook(services: CurrentServices, id: Id, response: Response) -> dict[str, Any]:
    """A webhook endpoint without its secret (manager).

    `position` is how far it has got; `next_attempt_at` when what failed is tried again.
    """
    webhook = get_endpoint(services, id)
    response.headers.update(build_etag_header(webhook.version))
    return to_response(services, webhook)


@router.patch(
    "/{id}", response_model=Webhook, responses=describe_problems(401, 403, 404, 413, 422, 503, "version_conflict")
)
def change_webhook(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    version: IfMatch,
    body: WebhookChanges,
    response: Response,
) -> dict[str, Any]:
    """Changes a webhook endpoint, or switches it off and on (manager).

    Absent fields stay as they are. Nothing is lost while it is off: enabled again, it gets everything since, in order.
    """
    webhook = change_endpoint(services, caller, id, body.get_sent_fields(), version)
    response.headers.update(build_etag_header(webhook.version))
    return to_response(services, webhook)


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 403, 404, 413, 503))
def delete_webhook(services: CurrentServices, id: Id) -> None:
    """Removes a webhook endpoint with its secret and its deliveries (manager).

    Nothing more is sent there. To pause it, set `active` to false instead.
    """
    if not services.webhook_context.store.remove_webhook(id):
        raise NotFound


@router.post(
    "/{id}/test",
    response_model=WebhookTest,
    responses=describe_problems(401, 403, 404, 413, 422, 503, "calendars_busy"),
)
async def test_webhook(services: CurrentServices, caller: CurrentCaller, id: Id) -> dict[str, Any]:
    """Sends a sample to a webhook endpoint now, and answers what came of it (manager).

    It is the sample of its first type, with position 0 and an id that begins with `test-`. When it is taken, what waits
    for the endpoint is tried at once.
    """
    future = services.fetcher.submit_work(lambda: send_test(services, caller, id))
    if future is None:
        raise CalendarsBusy
    answer = await asyncio.wrap_future(future)
    return {
        "delivered": answer.is_success,
        "status": answer.status,
        "reason": answer.reason,
        "milliseconds": answer.milliseconds,
    }


@router.post(
    "/{id}/rotate-secret",
    response_model=NewWebhookAnswer,
    responses=describe_problems(401, 403, 404, 413, 422, 503, "version_conflict"),
)
def rotate_webhook_secret(services: CurrentServices, caller: CurrentCaller, id: Id) -> dict[str, Any]:
    """Gives a webhook endpoint a new secret, which is shown only here (manager).

    For 24 hours both secrets sign, each with a signature of its own, so that the receiver can change over.
    """
    webhook, secret = rotate_endpoint(services, caller, id)
    return to_response(services, webhook) | {"secret": secret}


@router.post("/{id}/replay", response_model=Webhook, responses=describe_problems(401, 403, 404, 413, 422, 503))
def replay_webhook(services: CurrentServices, caller: CurrentCaller, id: Id, body: Replay) -> dict[str, Any]:
    """Sends events again, from a position of the log on (manager).

    Each has the same `webhook-id` as before. From 0 on a consumer that lost everything rebuilds itself. It goes on with
    what is new, in order.
    """
    return to_response(services, replay_events(services, caller, id, body.from_position))


@router.get(
    "/{id}/deliveries",
    response_model=PageOf[WebhookDelivery],
    responses=describe_problems(401, 403, 404, 422, 503),
)
def list_webhook_deliveries(
    services: CurrentServices, id: Id, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Attempts to deliver to a webhook endpoint within the last 30 days, newest first (manager).

    `reason` says why one failed: `refused` with the status, `redirected`, `too_slow`, `no_connection`,
    `host_not_found`, `untrusted_certificate`, `private_address`, `not_encrypted`, `not_opened`, `not_written`.
    """
    get_endpoint(services, id)
    rows = services.webhook_context.store.list_deliveries(id, limit + 1, parse_cursor(cursor))
    next_cursor = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": next_cursor}


def parse_cursor(cursor: str | None) -> int | None:
    """Parse a cursor into the id that the page comes before. Raises Invalid."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("cursor", "Send the next_cursor of the page before, unchanged.")
    return int(cursor)
