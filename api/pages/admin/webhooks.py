"""Webhook endpoints of managers: making, changing, testing, replaying them, and what was delivered."""

import asyncio
from typing import Annotated, Any, get_args
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.http.form_body import Form, FormText, SubmittedForm
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.form_keys import generate_form_key, parse_form_key
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
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
from api.v1.webhooks.models import NewWebhook, Replay, WebhookChanges
from api.v1.webhooks.routes import parse_cursor
from domain.refusals import CalendarsBusy, IdempotencyKeyReused, Invalid, NotFound, VersionConflict
from integrations.webhooks.event_types import WebhookType
from projections.queries.pagination import Page


def require_manager(viewer: Viewer) -> None:
    """Require a manager. Raises Forbidden."""
    viewer.require_any_role("manager")


PATH = "/admin/webhooks"
PAGE_SIZE = 50
KEY_USED = "This form has already made a webhook, which is in the list. Send it again to make another one."
NO_VALUES: dict[str, Any] = {"url": "", "types": [], "details": "ids"}
router = APIRouter(prefix=PATH, include_in_schema=False, route_class=PageRoute, dependencies=[Depends(require_manager)])
Position = Annotated[str, Depends(FormText("from_position"))]
Active = Annotated[str, Depends(FormText("active"))]


@router.get("")
def list_webhooks(request: Request, services: CurrentServices) -> Response:
    """Show all endpoints, and the form of a new one (manager)."""
    return render_list(request, services, NO_VALUES)


@router.post("")
def create_webhook(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Make an endpoint, only once however often the form is sent, and show its secret (manager)."""
    values, key = parse_values(form), parse_form_key(form.get_value("key").strip())
    try:
        if key is None:
            raise InvalidForm({"url": "Load this page again."})
        body = validate_form(NewWebhook, values)
        id = uuid5(viewer.person.id, f"webhook {key}")
        webhook, is_new = create_endpoint(services, viewer, id, dict(body), values)
    except (InvalidForm, Invalid) as error:
        return render_list(request, services, values, collect_field_errors(error))
    except IdempotencyKeyReused:
        return render_list(request, services, values, {"url": KEY_USED})
    secret = decrypt_endpoint(services, webhook).secret if is_new else None
    return render_webhook(request, services, id, status=201, secret=secret)


@router.get("/{id}")
def show_webhook(request: Request, services: CurrentServices, id: Id, query: ListQuery) -> Response:
    """Show an endpoint and what was delivered to it (manager). Raises NotFound, Invalid."""
    return render_webhook(request, services, id, cursor=query.cursor, row=query.row)


@router.post("/{id}")
def change_webhook(request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form) -> Response:
    """Change address, types and details of an endpoint (manager). Raises NotFound."""
    values, version = parse_values(form), form.get_value("version").strip()
    try:
        changes = validate_form(WebhookChanges, values).get_sent_fields()
        change_endpoint(services, viewer, id, changes, int(version) if version.isdecimal() else None)
    except (InvalidForm, Invalid) as error:
        return render_webhook(request, services, id, 422, values, collect_field_errors(error))
    except VersionConflict as conflict:
        return render_webhook(request, services, id, 412, values, {"url": conflict.sentence})
    return redirect_to(f"{PATH}/{id}", "Saved the webhook.")


@router.post("/{id}/switch")
def switch_webhook(services: CurrentServices, viewer: Viewer, id: Id, active: Active) -> Response:
    """Switch an endpoint off, or on again: then it gets everything since (manager). Raises NotFound."""
    change_endpoint(services, viewer, id, {"active": active == "on"})
    return redirect_to(f"{PATH}/{id}", "It gets what happens." if active == "on" else "It gets nothing for now.")


@router.post("/{id}/test")
async def test_webhook(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Send a sample now, and say what came of it (manager). Raises NotFound, CalendarsBusy."""
    future = services.fetcher.submit_work(lambda: send_test(services, viewer, id))
    if future is None:
        raise CalendarsBusy
    answer = await asyncio.wrap_future(future)
    outcome = f"answered {answer.status}" if answer.status else str(answer.reason or "").replace("_", " ")
    verdict = "It was taken" if answer.is_success else "It was not taken"
    return redirect_to(f"{PATH}/{id}", f"{verdict}: {outcome}, after {answer.milliseconds} ms.")


@router.post("/{id}/rotate")
def rotate_secret(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Give an endpoint a new secret, and show it; the one before signs too for a day (manager). Raises NotFound."""
    _, secret = rotate_endpoint(services, viewer, id)
    return render_webhook(request, services, id, secret=secret)


@router.post("/{id}/replay")
def replay_webhook(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, from_position: Position
) -> Response:
    """Send events again, from a position of the log on (manager). Raises NotFound."""
    text = from_position.strip()
    try:
        number = int(text) if text.isdecimal() and len(text) < 19 else text
        position = validate_form(Replay, {"from_position": number}).from_position
        replay_events(services, viewer, id, position)
    except (InvalidForm, Invalid) as error:
        return render_webhook(request, services, id, 422, errors=collect_field_errors(error), from_position=text)
    return redirect_to(f"{PATH}/{id}", f"Sends again what happened from position {position} on.")


@router.post("/{id}/delete")
def delete_webhook(services: CurrentServices, id: Id) -> Response:
    """Remove an endpoint (manager). Raises NotFound."""
    if not services.webhook_context.store.remove_webhook(id):
        raise NotFound
    return redirect_to(PATH, "Removed the webhook.")


def parse_values(form: SubmittedForm) -> dict[str, Any]:
    """Return the fields of an endpoint as the JSON API takes them."""
    return {
        "url": form.get_value("url").strip(),
        "types": form.list_values("types"),
        "details": form.get_value("details") or "ids",
    }


def render_list(
    request: Request, services: Services, values: dict[str, Any], errors: dict[str, str] | None = None
) -> Response:
    """Render the list, and the form with what was typed."""
    webhooks = [to_response(services, webhook) for webhook in services.webhook_context.store.list_webhooks()]
    return render_page(
        request,
        "admin/webhooks.html",
        422 if errors else 200,
        webhooks=webhooks,
        values=values,
        errors=errors or {},
        all_types=get_args(WebhookType),
        key=generate_form_key(),
    )


def render_webhook(
    request: Request,
    services: Services,
    id: UUID,
    status: int = 200,
    values: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
    secret: str | None = None,
    from_position: str = "0",
    cursor: str | None = None,
    row: int = 1,
) -> Response:
    """Render an endpoint with its deliveries; a secret is shown this once."""
    webhook = to_response(services, get_endpoint(services, id))
    rows = services.webhook_context.store.list_deliveries(id, PAGE_SIZE + 1, parse_cursor(cursor))
    next_cursor = str(rows[PAGE_SIZE - 1]["id"]) if len(rows) > PAGE_SIZE else None
    return render_page(
        request,
        "admin/webhook.html",
        status,
        webhook=webhook,
        values=values or webhook,
        errors=errors or {},
        secret=secret,
        from_position=from_position,
        all_types=get_args(WebhookType),
        page=Page(rows[:PAGE_SIZE], next_cursor),
        row=row,
    )
