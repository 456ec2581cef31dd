"""The access log as a filtered list and as CSV: who came in, and what they took along."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.http.auditing.recording import record_own_access
from api.http.dependencies import CurrentServices
from api.pages.history.event_log import list_person_options
from api.pages.meetings.meeting_log import resolve_day_bound
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, ListQuery, OptionalDay, OptionalId
from api.pages.rendering.templates import render_page
from api.v1.access_log.routes import add_names, parse_cursor, stream_entries
from projections.queries.pagination import Page
from store.access_log import AccessFilters, AccessKind

router = APIRouter(prefix="/access-log", include_in_schema=False, route_class=PageRoute)

PAGE_SIZE = 50
KIND_NAMES: dict[AccessKind, str] = {
    "sign_in": "Signed in",
    "sign_in_refused": "Was refused at signing in",
    "sign_out": "Signed out",
    "identity_bound": "Linked to their identity at the provider",
    "identity_unbound": "Unlinked from their identity at the provider",
    "key_made": "Made an API key",
    "key_used_from_new_address": "Used an API key from a new address",
    "key_revoked": "Ended an API key",
    "export": "Exported",
    "bulk_read": "Read in bulk",
    "erasure": "Erased personal details",
    "role_change": "Has other roles",
}
REASONS = {
    "provider_away": "the provider did not answer",
    "wrong_provider_answer": "the provider's answer could not be understood",
    "state_mismatch": "it was not begun in that browser, or too long ago",
    "provider_refused": "the provider let nobody in",
    "code_refused": "the provider refused its code",
    "wrong_signature": "no key of the provider had signed it",
    "wrong_algorithm": "it was signed in a way that is not accepted",
    "expired": "the token had expired",
    "email_unverified": "the provider has not verified the address",
    "person_unknown": "nobody has that address",
    "deactivated": "the person is deactivated",
    "bound_to_another": "the person is linked to another identity",
    "link_unusable": "the sign-in link was used, expired or unknown",
}

Kind = Annotated[AccessKind | None, Blank]


def build_filters(
    viewer: Viewer,
    kind: Kind = None,
    person_id: OptionalId = None,
    recorded_from: OptionalDay = None,
    recorded_to: OptionalDay = None,
) -> AccessFilters:
    """Build the filters; days are those of the viewer's zone (auditor, admin)."""
    viewer.require_any_role("auditor", "admin")
    zone = viewer.person.properties.time_zone
    begin = resolve_day_bound("recorded_from", recorded_from, zone)
    return AccessFilters(kind, person_id, begin, resolve_day_bound("recorded_to", recorded_to, zone))


Filters = Annotated[AccessFilters, Depends(build_filters)]


@router.get("")
def show_access_log(
    request: Request,
    services: CurrentServices,
    filters: Filters,
    query: ListQuery,
) -> Response:
    """Show the entries, newest first (auditor, admin)."""
    rows = services.access_log.list_entries(filters, PAGE_SIZE + 1, parse_cursor(query.cursor))
    next_cursor = str(rows[PAGE_SIZE - 1]["id"]) if len(rows) > PAGE_SIZE else None
    return render_page(
        request,
        "history/access_log.html",
        page=Page(add_names(services, rows[:PAGE_SIZE]), next_cursor),
        row=query.row,
        filters=filters,
        days={name: request.query_params.get(name, "") for name in ("recorded_from", "recorded_to")},
        narrowed=filters != AccessFilters(),
        kinds=[(kind, KIND_NAMES[kind]) for kind in KIND_NAMES],
        kind_names=KIND_NAMES,
        reasons=REASONS,
        everybody=list_person_options(services),
        kept_days=services.settings.access_log_days,
    )


@router.get("/csv")
def download_access_log(request: Request, services: CurrentServices, viewer: Viewer, filters: Filters) -> Response:
    """Stream all entries of the filters as CSV (auditor, admin)."""
    record_own_access(services, request, viewer, "export", what="access log")
    return stream_entries(services, filters)
