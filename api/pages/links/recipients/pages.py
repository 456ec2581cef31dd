"""The pages of a list of recipients: paste or upload it, look at what it would make, confirm, and take the links."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from api.http.csv import render_csv_lines
from api.http.dependencies import Caller, CurrentServices, Id
from api.http.responses import add_single_use_url
from api.pages.links.recipients.batches import derive_batch_ids, issue_batches
from api.pages.links.recipients.recipient_list import (
    MAX_RECIPIENTS,
    ListedRecipient,
    RecipientList,
    derive_recipient_key,
    parse_recipients,
)
from api.pages.links.recipients.text_decoding import UndecodableFile, decode_text
from api.pages.links.recipients.upload_form import Upload, UploadForm, UploadRoute
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.form_keys import generate_form_key, parse_form_key
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import build_url
from api.services import Services
from api.v1.request_bodies import NewRecipient, NewSingleUse
from domain.link import Link
from domain.permissions import require_link_copyable
from domain.refusals import IdempotencyKeyReused, Invalid, NotFound
from projections import single_use_links

router = APIRouter(prefix="/links/{id}/recipients", include_in_schema=False, route_class=UploadRoute)

RECIPIENTS = TypeAdapter(list[NewRecipient])
CSV_COLUMNS = ("name", "email", "label", "link", "expires_at")
MADE_BEFORE_MESSAGE = "Links were made of this list before, with other choices. Look at the list once more."
FormKey = Annotated[str, Query(pattern=r"^[\x21-\x7e]{1,255}$")]
LinkCount = Annotated[int, Query(ge=1, le=MAX_RECIPIENTS)]


@router.get("")
def show_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form that takes a list."""
    return render_form(request, load_copyable_link(services, viewer, id), {})


@router.post("", dependencies=[WaitsForPosition])
def show_preview(request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Upload) -> Response:
    """Show what a list would make, and make nothing."""
    link = load_copyable_link(services, viewer, id)
    values = dict(form.texts)
    try:
        values["list"] = read_list_text(form)
        recipients = parse_recipients(values["list"])
        refuse_wrong_size(recipients)
        validate_form(NewSingleUse, {"label": form.get_value("label").strip() or None})
    except InvalidForm as error:
        return render_form(request, link, values, error.errors)
    return render_preview(request, services, viewer, link, recipients, values)


@router.post("/made")
def make_links(request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Upload) -> Response:
    """Make the links of a confirmed list, only once however often the form is sent."""
    link = load_copyable_link(services, viewer, id)
    key = parse_form_key(form.get_value("key"))
    recipients = parse_confirmed_recipients(form)
    if key is None or not recipients:
        raise Invalid("list", "Start with the list again: this form is incomplete.")
    try:
        common = parse_common(form)
        if common.send or common.only_recipient:
            refuse_without_addresses(recipients)
        position = issue_batches(services, viewer, id, recipients, common, key)
    except (IdempotencyKeyReused, Invalid, InvalidForm) as refusal:
        errors = (
            {"list": MADE_BEFORE_MESSAGE}
            if isinstance(refusal, IdempotencyKeyReused)
            else collect_field_errors(refusal)
        )
        lines = "".join(render_csv_lines(("name", "email"), (recipient.model_dump() for recipient in recipients)))
        values = {**form.texts, "list": lines}
        return render_preview(request, services, viewer, link, parse_recipients(lines), values, errors)
    links = "1 single-use link" if len(recipients) == 1 else f"{len(recipients)} single-use links"
    path = build_url(f"/links/{id}/recipients/made", {"key": key, "count": len(recipients)})
    return redirect_to(path, f"Made {links} of {link.properties.name}.", position)


def parse_common(form: UploadForm) -> NewSingleUse:
    """Return what is common to all links of a list. Raises InvalidForm."""
    body = {"label": form.get_value("label").strip() or None, "only_recipient": bool(form.get_value("only_recipient"))}
    if form.get_value("send"):
        body |= {"send": True, "message": form.get_value("message").strip() or None}
    return validate_form(NewSingleUse, body)


def refuse_without_addresses(recipients: Sequence[NewRecipient]) -> None:
    """Pass a list in which everybody has an address. Raises Invalid."""
    if any(recipient.email is None for recipient in recipients):
        raise Invalid("list", "To mail the links, or to keep each to its recipient, everybody needs an e-mail address.")


@router.get("/made")
def show_links(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, key: FormKey, count: LinkCount
) -> Response:
    """Show the links that a confirmed list made, to whoever made them."""
    rows = load_rows(services, viewer, id, key, count)
    link = services.links.load_aggregate(Link, id)
    return render_page(request, "links/recipients_made.html", link=link, rows=rows, key=key, count=count)


@router.get("/made.csv")
def download_links(services: CurrentServices, viewer: Viewer, id: Id, key: FormKey, count: LinkCount) -> Response:
    """Stream the links that a confirmed list made as CSV, with a byte order mark for spreadsheets."""
    rows = (
        {**(row["recipient"] or {}), "label": row["label"], "link": row["url"], "expires_at": row["expires_at"]}
        for row in load_rows(services, viewer, id, key, count)
    )
    lines = render_csv_lines(CSV_COLUMNS, rows)
    headers = {
        "Content-Disposition": f'attachment; filename="single-use-links-{viewer.today}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(("\ufeff", *lines), media_type="text/csv; charset=utf-8", headers=headers)


def load_copyable_link(services: Services, viewer: Caller, id: UUID) -> Link:
    """Return a link of which the viewer may make single-use links. Raises NotFound, Forbidden, LinkDeleted."""
    link = services.links.load_aggregate(Link, id)
    require_link_copyable(viewer.context, link)
    link.refuse_if_deleted()
    return link


def load_rows(services: Services, viewer: Caller, link_id: UUID, key: str, count: int) -> list[dict[str, Any]]:
    """Return the single-use links of a link that a key made for the viewer. Raises NotFound."""
    ids = list(derive_batch_ids(viewer, key, count))
    rows = single_use_links.find_single_use_links(services.from_log(), ids, viewer.context.now)
    if not rows or any(row["link"]["id"] != link_id for row in rows):
        raise NotFound
    return [add_single_use_url(services, viewer, row) for row in rows]


def read_list_text(form: UploadForm) -> str:
    """Return the list of a form: that of its file, or what was pasted. Raises InvalidForm."""
    try:
        return decode_text(form.file) if form.file else form.get_value("list")
    except UndecodableFile as error:
        raise InvalidForm({"file": str(error)}) from None


def refuse_wrong_size(recipients: RecipientList) -> None:
    """Pass a list that names somebody, and not too many. Raises InvalidForm."""
    count = len(recipients.recipients)
    if count > MAX_RECIPIENTS:
        raise InvalidForm({"list": f"These are {count} recipients; at most {MAX_RECIPIENTS} go at once."})
    if not count and not recipients.problems:
        raise InvalidForm({"list": "Give at least one name or address, one a line."})


def parse_confirmed_recipients(form: UploadForm) -> list[NewRecipient]:
    """Return the recipients that the preview put into the form. Raises Invalid."""
    names = ["recipients", *(["holders"] if form.get_value("with_holders") else [])]
    try:
        lists = [RECIPIENTS.validate_json(form.get_value(name) or "[]") for name in names]
    except ValidationError:
        raise Invalid("list", "Start with the list again: this form cannot be read.") from None
    recipients = [recipient for recipients in lists for recipient in recipients]
    if len(recipients) > MAX_RECIPIENTS:
        raise Invalid("list", f"At most {MAX_RECIPIENTS} recipients go at once.")
    return recipients


def split_holders(
    services: Services, viewer: Caller, link: Link, listed: Sequence[ListedRecipient]
) -> tuple[list[ListedRecipient], list[ListedRecipient]]:
    """Split recipients into those without and those with an unused single-use link of this link."""
    is_owner = link.properties.owner_id == viewer.person.id
    visible_to = None if is_owner else viewer.limit_visibility("manager", "auditor")
    texts = [one.recipient.email or one.recipient.name or "" for one in listed]
    words = sorted({*texts, *(text.lower() for text in texts)})
    holders = single_use_links.find_holders(services.live_source, link.id, words, visible_to)
    keys = {derive_recipient_key(holder["name"], holder["email"]) for holder in holders}
    return [one for one in listed if one.key not in keys], [one for one in listed if one.key in keys]


def encode_recipients(listed: Sequence[ListedRecipient]) -> str:
    """Encode recipients as JSON, which the form carries from the preview to the confirmation."""
    return RECIPIENTS.dump_json([one.recipient for one in listed], exclude_none=True).decode()


def render_form(request: Request, link: Link, values: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    """Render the form that takes a list, with what was typed."""
    status = 422 if errors else 200
    return render_page(
        request, "links/recipients.html", status, link=link, values=values, errors=errors or {}, most=MAX_RECIPIENTS
    )


def render_preview(
    request: Request,
    services: Services,
    viewer: Caller,
    link: Link,
    recipients: RecipientList,
    values: dict[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Render what a list would make; or, with errors, why it was not made, with what was typed."""
    new_recipients, holders = split_holders(services, viewer, link, recipients.recipients)
    return render_page(
        request,
        "links/recipients_preview.html",
        422 if errors else 200,
        link=link,
        recipients=recipients,
        new_recipients=new_recipients,
        holders=holders,
        carried={"recipients": encode_recipients(new_recipients), "holders": encode_recipients(holders)},
        values=values,
        errors=errors or {},
        most=MAX_RECIPIENTS,
        key=generate_form_key(),
    )
