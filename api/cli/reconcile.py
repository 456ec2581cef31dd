"""`oncelink reconcile`: after a restore, what becomes of single-use links that may have been used in what is lost."""

import json
from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

import typer

from api.cli.command_context import Json, composed, console, explained
from api.cli.people import by_operator
from api.services import Oncelink
from domain.refusals import Invalid
from store.restore_detection import Lineage, Unspent

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
    with explained():
        if revoke + nothing_lost + restored > 1 or (keep and not revoke):
            raise Invalid("reconcile", "choose one of --revoke (with --keep), --nothing-lost and --restored")
        with composed() as oncelink:
            lineage = Lineage(oncelink.database)
            if restored:
                lineage.note_restore()
            unspent = lineage.unspent()
            revoked = revoke_all(oncelink, unspent, keep) if revoke else []
            if revoke or nothing_lost:
                lineage.confirm()
            open_until = lineage.unconfirmed_until()
            show(as_json, open_until, [] if open_until is None else unspent, revoked)
            if open_until is not None:
                raise typer.Exit(1)


def revoke_all(oncelink: Oncelink, unspent: Sequence[Unspent], keep: Collection[UUID]) -> list[UUID]:
    """Revokes all but some; what was revoked. Raises Invalid for one to keep that is not among them."""
    if strange := set(keep) - {one.id for one in unspent}:
        raise Invalid("--keep", f"{min(strange)} is no unconfirmed single-use link")
    revoked = [one.id for one in unspent if one.id not in keep]
    for id in revoked:
        oncelink.issuing.revoke(by_operator(), id, REASON)
    return revoked


def show(as_json: bool, until: int | None, unspent: Sequence[Unspent], revoked: Sequence[UUID]) -> None:
    """What there is to decide, or that there is nothing."""
    links = [
        {"id": str(one.id), "link_id": str(one.link_id), "issued_at": one.issued_at.isoformat()} for one in unspent
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
