"""My Single-Use Links: across core links, who used them and when, and revoking several at once."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices
from api.http.form_body import Form, FormText
from api.pages.links.detail import NEWEST_FIRST, list_single_use_links
from api.pages.links.table_rows import EXPIRES_SOON
from api.pages.rendering.bulk import BulkOutcome, parse_selected_ids, run_bulk
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, ListParameters
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import ensure_local_path
from api.v1.list_queries import SingleUseSort, SingleUseStatus
from api.v1.request_bodies import Reason
from projections import single_use_links
from projections.single_use_links import SingleUseFilters

router = APIRouter(prefix="/single-use", include_in_schema=False, route_class=PageRoute)

SOON = "soon"
ReasonText = Annotated[str, Depends(FormText("reason"))]
ReturnPath = Annotated[str, Depends(FormText("back", default="/single-use", max_length=2000))]


class SingleUseParameters(ListParameters):
    """The query of the page. The status `soon` is an unused one that lapses within a week."""

    view: Annotated[Literal["mine", "all"] | None, Blank] = None
    status: Annotated[SingleUseStatus | Literal["soon"] | None, Blank] = None
    sort: Annotated[SingleUseSort | None, Blank] = None

    def to_filters(self, viewer: Caller) -> SingleUseFilters:
        """Return the filters of the read model: what the viewer issued, or all that they may see."""
        return SingleUseFilters(
            status="active" if self.status == SOON else self.status,
            issued_by=None if self.view == "all" else viewer.person.id,
            q=self.q,
            visible_to=viewer.limit_visibility("manager", "auditor"),
            expires_before=viewer.context.now + EXPIRES_SOON if self.status == SOON else None,
        )


@router.get("", dependencies=[WaitsForPosition])
def list_own_single_use_links(
    request: Request, services: CurrentServices, viewer: Viewer, query: Annotated[SingleUseParameters, Query()]
) -> Response:
    """Show the single-use links that the viewer issued, or all that they may see."""
    viewer.require_any_role("member", "auditor")
    sort = query.sort or NEWEST_FIRST
    return render_page(
        request,
        "links/single_use_list.html",
        page=list_single_use_links(services, viewer, query.to_filters(viewer), sort, query.cursor),
        query=query,
        q=query.q,
        row=query.row,
        sort=sort,
        narrowed=bool(query.q or query.status),
        soon_days=EXPIRES_SOON // timedelta(days=1),
    )


@router.post("/revoke/confirm")
def show_revoke_confirmation(
    request: Request, services: CurrentServices, viewer: Viewer, form: Form, back: ReturnPath
) -> Response:
    """Ask before several single-use links are revoked."""
    viewer.require_any_role("member")
    if not (ids := parse_selected_ids(form)):
        return redirect_to(ensure_local_path(back), "Select at least one single-use link.")
    rows = single_use_links.find_single_use_links(services.from_log(), ids, viewer.context.now)
    visible_to = viewer.limit_visibility("manager")
    own_rows = [row for row in rows if visible_to in (None, row["issued_by"]["id"])]
    return render_confirmation(request, own_rows, len(ids), {"ids": ids, "back": ensure_local_path(back)})


@router.post("/revoke")
def revoke_single_use_links(
    request: Request, services: CurrentServices, viewer: Viewer, form: Form, back: ReturnPath, reason: ReasonText
) -> Response:
    """Revoke several single-use links, with one reason."""
    viewer.require_any_role("member")
    ids = parse_selected_ids(form)
    try:
        body = validate_form(Reason, {"reason": reason.strip() or None})
    except InvalidForm as error:
        values = {"ids": ids, "back": ensure_local_path(back), "reason": reason}
        return render_confirmation(request, [], len(ids), values, error.errors, 422)
    outcome = run_bulk(services, ids, lambda id: services.single_use_links.revoke_link(viewer.context, id, body.reason))
    return redirect_to(ensure_local_path(back), describe_revocation(outcome), outcome.position)


def describe_revocation(outcome: BulkOutcome) -> str:
    """Return what became of single-use links that were to be revoked."""
    return outcome.describe("Revoked", "single-use links")


def render_confirmation(
    request: Request,
    rows: list[Any],
    count: int,
    values: dict[str, Any],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Render the question before several single-use links are revoked; `rows` are those that the viewer issued."""
    return render_page(
        request,
        "links/revoke_selected.html",
        status,
        rows=rows,
        count=count,
        values={"reason": "", **values},
        errors=errors or {},
    )
