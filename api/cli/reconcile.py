"""`oncelink reconcile`: after a restore, decides about single-use links that may have been used in what is lost."""

import json
from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

import typer

from api.cli.command_context import Json, console, explain_errors, use_services
from api.cli.people import build_operator_context
from api.services import Services
from domain.refusals import Invalid
from store.restore_detection import RestoreReconciliation, UnconfirmedLink

REASON = "The database was restored from a backup, and this link may have been used in what was lost."

Revoke = Annotated[bool, typer.Option("--revoke", help="Revoke every unconfirmed link, except those to keep.")]
Keep = Annotated[list[UUID], typer.Option(help="A single-use link that surely was not used; repeat for more.")]
NothingLost = Annotated[bool, typer.Option("--nothing-lost", help="Accept all: the log is whole (say why you know).")]
Restored = Annotated[bool, typer.Option("--restored", help="Say that this is a restored copy, where nothing shows it.")]


def reconcile(
    revoke: Revoke = False,
    keep: Keep = [],  # noqa: B006 Typer's own default
    nothing_lost: NothingLost = False,
    restored: Restored = False,
    as_json: Json = False,
) -> None:
    """After a restore: show, revoke or accept the single-use links that may have been booked in what is lost."""
    with explain_errors():
        if revoke + nothing_lost + restored > 1 or (keep and not revoke):
            raise Invalid("reconcile", "choose one of --revoke (with --keep), --nothing-lost and --restored")
        with use_services() as services:
            reconciliation = RestoreReconciliation(services.database)
            if restored:
                reconciliation.record_restore()
            unconfirmed_links = reconciliation.list_unconfirmed_links()
            revoked = revoke_all(services, unconfirmed_links, keep) if revoke else []
            if revoke or nothing_lost:
                reconciliation.confirm_links()
            open_until = reconciliation.find_unconfirmed_until()
            print_result(as_json, open_until, [] if open_until is None else unconfirmed_links, revoked)
            if open_until is not None:
                raise typer.Exit(1)


def revoke_all(services: Services, unconfirmed_links: Sequence[UnconfirmedLink], keep: Collection[UUID]) -> list[UUID]:
    """Revoke all but some; returns what was revoked. Raises Invalid for an id to keep that is not among them."""
    if unknown_ids := set(keep) - {link.id for link in unconfirmed_links}:
        raise Invalid("--keep", f"{min(unknown_ids)} is no unconfirmed single-use link")
    revoked = [link.id for link in unconfirmed_links if link.id not in keep]
    for id in revoked:
        services.single_use_links.revoke_link(build_operator_context(services.clock), id, REASON)
    return revoked


def print_result(
    as_json: bool, until: int | None, unconfirmed_links: Sequence[UnconfirmedLink], revoked: Sequence[UUID]
) -> None:
    """Print what is to decide, or that there is nothing."""
    links = [
        {"id": str(unconfirmed.id), "link_id": str(unconfirmed.link_id), "issued_at": unconfirmed.issued_at.isoformat()}
        for unconfirmed in unconfirmed_links
    ]
    if as_json:
        print(json.dumps({"unconfirmed_until": until, "unconfirmed": links, "revoked": [str(id) for id in revoked]}))
        return
    for link in links:
        print(f"{link['id']}  of link {link['link_id']}, issued {link['issued_at']}")
    if until is None:
        console.print(f"Every single-use link is confirmed; {len(revoked)} were revoked.")
    else:
        console.print(f"{len(links)} single-use links are unconfirmed: --revoke them, with --keep ID for exceptions.")
