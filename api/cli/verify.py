"""`oncelink verify` and `oncelink checkpoint`: what an operator's cron and an auditor's own machine run."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.command_context import Json, composed, console, explained
from api.settings import Settings, read_settings
from domain.refusals import Invalid
from projections.following.positions import position
from replay.tree import checkpoint as checkpoints
from replay.tree import subtree_digests
from replay.tree.checkpoint import BadCheckpoint, Checkpoint, in_base64, origin_of
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import seal_all
from replay.tree.signed_note import BadNote, Signer, Verifier, notes, signers
from replay.verify.export import BadExport, verify_export
from replay.verify.problems import Problem, Report
from replay.verify.verification import verify

Files = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="A file with checkpoints that were saved; repeat for more files."),
]
Export = Annotated[Path | None, typer.Option(help="Verify this full export (JSONL) instead of the database.")]
Keys = Annotated[
    list[str] | None, typer.Option("--key", help="A verifier key, as `oncelink checkpoint --key` prints it.")
]
Origin = Annotated[str | None, typer.Option(help="The log's name in the checkpoints, where BASE_URL was another then.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Let a log without any event pass.")]

Output = Annotated[Path | None, typer.Option("-o", "--output", help="Add it to this file instead of printing it.")]
Exact = Annotated[bool, typer.Option("--exact", help="With a mark for every event (11 MB for a million).")]
PrintKeys = Annotated[bool, typer.Option("--key", help="Print the verifier keys instead: keep them beside it.")]

EMPTY = "it is empty, so this may be the wrong one; say --allow-empty where nothing has happened yet."
UNFOLLOWED = "nothing of it was checked, as nobody has followed it yet: start `oncelink serve` or `oncelink follow`."


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(name="verify")(verify_command)
    app.command(name="checkpoint")(checkpoint_command)


def verify_command(
    checkpoint: Files = None,
    export: Export = None,
    key: Keys = None,
    origin: Origin = None,
    allow_empty: AllowEmpty = False,
    as_json: Json = False,
) -> None:
    """Check the log, its seals, every read model, and saved checkpoints; exit 1 if anything differs."""
    with explained():
        settings = read_settings()
        saved = opened(settings, checkpoint or [], key or [], origin)
        if export is None:
            report, root = verified(saved, allow_empty), None
        else:
            report, root = exported(export, saved, allow_empty)
        tell(report, as_json, root)
        raise typer.Exit(0 if report.is_clean else 1)


def checkpoint_command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Add it to this file instead of printing it.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="With a mark for every event (11 MB for a million).")] = False,
    key: Annotated[
        bool, typer.Option("--key", help="Print the verifier keys instead: keep them beside the checkpoints.")
    ] = False,
) -> None:
    """Print the signed head of the log, to keep elsewhere."""
    with explained():
        if output is not None:
            refuse_other_content(output)
        with composed() as oncelink:
            keys = keys_of(oncelink.settings, None)
            if key:
                text = "".join(f"{one.verifier.text}\n" for one in keys)
            else:
                seal_all(oncelink.database)
                text = checkpoints.take(SealedTree(oncelink.database), keys[0], None if exact else subtree_digests.MOST)
        if output is None:
            print(text, end="")
        else:
            add_to(output, text)


def verified(saved: list[Checkpoint], allow_empty: bool) -> Report:
    """The check of the database."""
    with composed() as oncelink, console.status("Verifying") as status:
        seal_all(oncelink.database)
        report = verify(oncelink.database, saved, told=lambda name: status.update(f"Verifying: {name}"))
        return not_of_nothing(report, allow_empty, position(oncelink.database).head)


def not_of_nothing(report: Report, allow_empty: bool, head: int = 0) -> Report:
    """The report; that nothing was checked is a problem of its own, so that a wrong log does not pass as a good one."""
    if not report.checked_events and (head or not allow_empty):
        report.problems.append(Problem("log", UNFOLLOWED if head else EMPTY))
    return report


def exported(path: Path, saved: list[Checkpoint], allow_empty: bool) -> tuple[Report, bytes]:
    """The check of an export. Raises Invalid."""
    try:
        report, root = verify_export(path, saved)
        return not_of_nothing(report, allow_empty), root
    except BadExport as error:
        raise Invalid("--export", f"{path}: {error}") from None
    except OSError as error:
        raise Invalid("--export", f"{path} cannot be read ({error.strerror}).") from None


def opened(settings: Settings, paths: list[Path], keys: list[str], origin: str | None) -> list[Checkpoint]:
    """The saved checkpoints, all of them signed by a key that is known. Raises Invalid."""
    if not paths:
        return []
    with naming("--key"):
        verifiers = [Verifier.read(text) for text in keys]
    verifiers += [one.verifier for one in keys_of(settings, origin)]
    if not verifiers:
        raise Invalid("--key", "The secret keys are not here, so say which key signed the checkpoints.")
    found = []
    for path in paths:
        with naming("--checkpoint", path):
            found += checkpoints.opened(content_of(path), verifiers)
    return sorted(found, key=lambda one: one.size)


def content_of(path: Path) -> bytes:
    """What is in a file of checkpoints. Raises BadCheckpoint for one that no such file can be, OSError."""
    if path.stat().st_size > checkpoints.LARGEST_FILE:
        raise BadCheckpoint("This is not a checkpoint: it is too large.")
    return path.read_bytes()


def keys_of(settings: Settings, origin: str | None) -> list[Signer]:
    """The keys that belong to the secret keys, where those are; an auditor's machine has none, and gets none made."""
    return signers(origin or origin_of(settings.base_url, settings.db_schema), settings.found_keys)


@contextmanager
def naming(option: str, path: Path | None = None) -> Iterator[None]:
    """Says which option and file cannot be used. Raises Invalid."""
    where = f"{path}: " if path else ""
    try:
        yield
    except (BadCheckpoint, BadNote) as error:
        raise Invalid(option, f"{where}{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}.") from None
    except OSError as error:
        raise Invalid(option, f"{where}It cannot be read ({error.strerror}).") from None


def refuse_other_content(path: Path) -> None:
    """Lets only a file that is new, empty or has checkpoints in it be added to. Raises Invalid."""
    with naming("--output", path):
        if path.exists() and path.stat().st_size:
            notes(path.read_bytes())


def add_to(path: Path, text: str) -> None:
    """Adds a checkpoint to a file, all of it or nothing. Raises Invalid."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with naming("--output", path):
        before = path.read_bytes() if path.exists() else b""
        try:
            with beside.open("wb") as file:
                file.write((before.rstrip(b"\n") + b"\n\n" if before else b"") + text.encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def tell(report: Report, as_json: bool, root: bytes | None) -> None:
    """The report on standard output: what was looked at, then every problem in a line of its own."""
    if as_json:
        more = {} if root is None else {"root": in_base64(root)}
        print(json.dumps({"ok": report.is_clean, **report.as_dict(), **more}))
        return
    for problem in report.problems:
        print(problem)
    print("\n".join(summary(report, root)))


def summary(report: Report, root: bytes | None) -> Iterator[str]:
    """What was looked at."""
    yield f"{report.checked_events} events, {report.checkpoints} checkpoints: {len(report.problems) or 'no'} problems."
    if report.read_models:
        yield ", ".join(f"{name}: {rows} differing rows" for name, rows in report.read_models.items())
    if root is not None:
        yield f"The root of these events is {in_base64(root)}."
    if report.unproven_events:
        yield f"{report.unproven_events} events are unproven: no seal or checkpoint speaks of them yet."
