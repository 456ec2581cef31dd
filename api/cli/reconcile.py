"""`oncelink reconcile`: after a restore, decides about single-use links that may have been used in what is lost."""

import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from api.cli.command_context import Json, console, explain_errors, use_services
from api.cli.people import build_operator_context
from api.http.validation_messages import explain_validation_error
from api.services import Services
from api.v1.request_bodies import Reason
from domain.refusals import Invalid
from integrations.plain_text import to_one_line
from projections import single_use_links
from projections.single_use_links import FullSingleUseRow
from store.restore_detection import Decision, DecisionKind, RestoreReconciliation, UnconfirmedLink

REASON = "The database was restored from a backup, and this link may have been used in what was lost."
LINKS_PER_QUERY = 500
MAX_LINE = 1_000

Revoke = Annotated[bool, typer.Option("--revoke", help="Revoke every unconfirmed link, except those to keep.")]
Keep = Annotated[list[UUID], typer.Option(help="A single-use link that surely was not used; repeat for more.")]
NothingLost = Annotated[bool, typer.Option("--nothing-lost", help="Accept all: the log is whole (say why you know).")]
Restored = Annotated[bool, typer.Option("--restored", help="Say that this is a restored copy, where nothing shows it.")]
ReasonText = Annotated[str | None, typer.Option("--reason", help="Why; issuers of revoked links read it.")]


def reconcile(
    revoke: Revoke = False,
    keep: Keep = [],  # noqa: B006 Typer's own default
    nothing_lost: NothingLost = False,
    restored: Restored = False,
    reason: ReasonText = None,
    as_json: Json = False,
) -> None:
    """After a restore: show, revoke or accept the single-use links that may have been booked in what is lost."""
    with explain_errors():
        if revoke + nothing_lost + restored > 1 or (keep and not revoke):
            raise Invalid("reconcile", "choose one of --revoke (with --keep), --nothing-lost and --restored")
        if reason is not None and not (revoke or nothing_lost or restored):
            raise Invalid("--reason", "goes with --revoke, --nothing-lost or --restored")
        reason = require_reason(reason)
        with use_services() as services:
            reconciliation = RestoreReconciliation(services.database)
            if restored:
                reconciliation.record_restore()
            unconfirmed_links = reconciliation.list_unconfirmed_links()
            revoked = revoke_all(services, unconfirmed_links, keep, reason or REASON) if revoke else []
            if decision := name_decision(revoke, nothing_lost, restored):
                counts = len(unconfirmed_links), len(revoked)
                reconciliation.record_decision(
                    Decision(services.clock(), decision, *counts, reason=None if revoke else reason)
                )
            if revoke or nothing_lost:
                reconciliation.confirm_links()
            open_until = reconciliation.find_unconfirmed_until()
            links = [] if open_until is None else describe_links(services, unconfirmed_links)
            print_result(as_json, open_until, links, revoked, reconciliation.list_decisions())
            if open_until is not None:
                raise typer.Exit(1)


def name_decision(revoke: bool, nothing_lost: bool, restored: bool) -> DecisionKind | None:
    """Name the decision that the options make; None when they only show what is to decide."""
    if revoke:
        return "revoked"
    if nothing_lost:
        return "nothing_lost"
    return "restored" if restored else None


def require_reason(text: str | None) -> str | None:
    """Require a reason as the API takes it. Raises Invalid."""
    try:
        reason = Reason.model_validate({"reason": text}).reason
    except ValidationError as error:
        raise Invalid("--reason", explain_validation_error(error.errors()[0])) from None
    if reason is not None and to_one_line(reason, MAX_LINE * 2) != reason:
        raise Invalid("--reason", "is one line, without control characters")
    return reason


def revoke_all(
    services: Services, unconfirmed_links: Sequence[UnconfirmedLink], keep: Collection[UUID], reason: str
) -> list[UUID]:
    """Revoke all but some; returns what was revoked. Raises Invalid for an id to keep that is not among them."""
    if unknown_ids := set(keep) - {link.id for link in unconfirmed_links}:
        raise Invalid("--keep", f"{min(unknown_ids)} is no unconfirmed single-use link")
    revoked = [link.id for link in unconfirmed_links if link.id not in keep]
    for id in revoked:
        services.single_use_links.revoke_link(build_operator_context(services.clock), id, reason)
    return revoked


def describe_links(services: Services, unconfirmed_links: Sequence[UnconfirmedLink]) -> list[dict[str, Any]]:
    """Describe unconfirmed links by what an operator needs to ask about them: issuer, core link and recipient."""
    source, now = services.from_log(), services.clock()
    ids = [unconfirmed.id for unconfirmed in unconfirmed_links]
    batches = (ids[first : first + LINKS_PER_QUERY] for first in range(0, len(ids), LINKS_PER_QUERY))
    rows = {row["id"]: row for batch in batches for row in single_use_links.find_single_use_links(source, batch, now)}
    return [describe_link(unconfirmed, rows[unconfirmed.id]) for unconfirmed in unconfirmed_links]


def describe_link(unconfirmed: UnconfirmedLink, row: FullSingleUseRow) -> dict[str, Any]:
    """Describe one unconfirmed link as JSON data, without recipient and label where none was given or it is erased."""
    return {
        "id": str(unconfirmed.id),
        "link_id": str(unconfirmed.link_id),
        "link_name": row["link"]["name"],
        "issued_at": unconfirmed.issued_at.isoformat(),
        "issued_by": row["issued_by"]["name"],
        "recipient": row["recipient"],
        "label": row["label"],
    }


def print_result(
    as_json: bool,
    until: int | None,
    links: Sequence[dict[str, Any]],
    revoked: Sequence[UUID],
    decisions: Sequence[Decision],
) -> None:
    """Print what is to decide, or that there is nothing; as JSON with the last decisions."""
    if as_json:
        report = {"unconfirmed_until": until, "unconfirmed": links, "revoked": [str(id) for id in revoked]}
        rows = [{**to_fields(decision), "decided_at": decision.decided_at.isoformat()} for decision in decisions]
        print(json.dumps({**report, "decisions": rows}))
        return
    for link in links:
        print(format_link(link))
    if until is None:
        console.print(f"Every single-use link is confirmed; {len(revoked)} were revoked.")
    else:
        console.print(f"{len(links)} single-use links are unconfirmed: --revoke them, with --keep ID for exceptions.")


def to_fields(decision: Decision) -> dict[str, Any]:
    """A decision's fields by name."""
    return {name: getattr(decision, name) for name in ("decision", "unconfirmed", "revoked", "reason")}


def format_link(link: dict[str, Any]) -> str:
    """Format an unconfirmed link as a line for an operator."""
    recipient = link["recipient"] or {}
    parts = [recipient.get("name"), f"<{recipient['email']}>" if recipient.get("email") else None]
    to = " ".join(filter(None, parts)) or "nobody in particular"
    label = f" ({link['label']})" if link["label"] else ""
    return to_one_line(
        f"{link['id']}  of {link['link_name']}, issued by {link['issued_by']} at {link['issued_at']}, for {to}{label}",
        MAX_LINE,
    )
