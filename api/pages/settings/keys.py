"""The viewer's own API keys and sessions: making and ending them."""

from datetime import date, datetime
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from api.http.auditing.recording import record_own_access
from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import Form
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to
from api.pages.settings.settings import render_own_settings
from api.v1.credentials.api_keys import revoke_key as revoke_any_key
from api.v1.credentials.sessions import end_session_of
from api.v1.request_bodies import ApiKeyRequest
from domain.offer import build_days_interval
from store.credentials.api_keys import generate_key

router = APIRouter(prefix="/settings", include_in_schema=False, route_class=PageRoute)

FORM_FIELDS = {"name": "key_name"}  # of the request's fields, what the form calls otherwise


@router.post("/keys")
def make_key(request: Request, services: CurrentServices, viewer: Viewer, form: Form) -> Response:
    """Create an API key and show it, only this once."""
    name, expires_on = form.get_value("key_name"), form.get_value("expires_on").strip()
    scopes = form.list_values("scopes")
    try:
        key_request = validate_form(ApiKeyRequest, {"name": name.strip(), "scopes": scopes or None})
        expires_at = parse_last_day(viewer, expires_on)
    except InvalidForm as error:
        errors = {FORM_FIELDS.get(field, field): message for field, message in error.errors.items()}
        typed = {"key_name": name, "expires_on": expires_on, "scopes": scopes}
        return render_own_settings(request, services, viewer, errors, 422, typed=typed)
    key, id, now = generate_key(), uuid4(), viewer.context.now
    services.api_keys.create_key(id, viewer.person.id, key_request.name, key, now, None, key_request.scopes, expires_at)
    record_own_access(services, request, viewer, "key_made", key=str(id))
    return render_own_settings(request, services, viewer, status=201, created_key=key)


@router.post("/keys/{id}/revoke")
def revoke_key(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Revoke an API key of the viewer. Raises NotFound."""
    revoke_any_key(services, request, viewer, id)
    return redirect_to("/settings#keys", "Ended the API key.")


@router.post("/sessions/{id}/end")
def end_session(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """End another session of the viewer. Raises NotFound."""
    end_session_of(services, request, viewer, id)
    return redirect_to("/settings#sessions-title", "Ended the session.")


def parse_last_day(viewer: Caller, text: str) -> datetime | None:
    """Return the end of a day in the viewer's zone; None for no day. Raises InvalidForm for a day that is over."""
    if not text:
        return None
    try:
        last_day = date.fromisoformat(text)
        end = build_days_interval(last_day, last_day, viewer.person.properties.time_zone).end
    except (ValueError, OverflowError):
        raise InvalidForm({"expires_on": "Choose a day."}) from None
    if end <= viewer.context.now:
        raise InvalidForm({"expires_on": "Choose today or a later day."})
    return end
