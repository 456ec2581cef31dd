"""`oncelink verify` and `oncelink checkpoint`, for an operator's cron and an auditor's own machine."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.command_context import Json, console, explain_errors, use_services
from api.settings import Settings, read_settings
from domain.refusals import Invalid
from projections.following.positions import read_positions
from replay.tree import checkpoint as checkpoints
from replay.tree import subtree_digests
from replay.tree.checkpoint import BadCheckpoint, Checkpoint, build_origin, to_base64
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import seal_all_events
from replay.tree.signed_note import BadSignedNote, Signer, Verifier, derive_signers, parse_notes
from replay.verify.export import BadExport, verify_export
from replay.verify.problems import Problem, Report
from replay.verify.verification import run_verification

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


def register_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="verify")(verify_log)
    app.command(name="checkpoint")(print_checkpoint)


def verify_log(
    checkpoint: Files = None,
    export: Export = None,
    key: Keys = None,
    origin: Origin = None,
    allow_empty: AllowEmpty = False,
    as_json: Json = False,
) -> None:
    """Check the log, its seals, every read model, and saved checkpoints; exit 1 if anything differs."""
    with explain_errors():
        settings = read_settings()
        saved_checkpoints = load_checkpoints(settings, checkpoint or [], key or [], origin)
        if export is None:
            report, root = verify_database(saved_checkpoints, allow_empty), None
        else:
            report, root = verify_export_file(export, saved_checkpoints, allow_empty)
        print_report(report, as_json, root)
        raise typer.Exit(0 if report.is_clean else 1)


def print_checkpoint(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Add it to this file instead of printing it.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="With a mark for every event (11 MB for a million).")] = False,
    key: Annotated[
        bool, typer.Option("--key", help="Print the verifier keys instead: keep them beside the checkpoints.")
    ] = False,
) -> None:
    """Print the signed head of the log, to keep elsewhere."""
    with explain_errors():
        if output is not None:
            refuse_other_content(output)
        with use_services() as services:
            keys = load_signers(services.settings, None)
            if key:
                text = "".join(f"{signer.verifier.text}\n" for signer in keys)
            else:
                seal_all_events(services.database)
                text = checkpoints.sign_checkpoint(
                    SealedTree(services.database), keys[0], None if exact else subtree_digests.MAX_DIGESTS
                )
        if output is None:
            print(text, end="")
        else:
            append_checkpoint(output, text)


def verify_database(saved_checkpoints: list[Checkpoint], allow_empty: bool) -> Report:
    """Verify the database."""
    with use_services() as services, console.status("Verifying") as status:
        seal_all_events(services.database)
        report = run_verification(
            services.database, saved_checkpoints, on_check=lambda name: status.update(f"Verifying: {name}")
        )
        return refuse_empty_log(report, allow_empty, read_positions(services.database).head)


def refuse_empty_log(report: Report, allow_empty: bool, head: int = 0) -> Report:
    """Add a problem to the report when nothing was checked, so that an empty log does not pass as a good one."""
    if not report.checked_events and (head or not allow_empty):
        report.problems.append(Problem("log", UNFOLLOWED if head else EMPTY))
    return report


def verify_export_file(path: Path, saved_checkpoints: list[Checkpoint], allow_empty: bool) -> tuple[Report, bytes]:
    """Verify an export. Raises Invalid."""
    try:
        report, root = verify_export(path, saved_checkpoints)
        return refuse_empty_log(report, allow_empty), root
    except BadExport as error:
        raise Invalid("--export", f"{path}: {error}") from None
    except OSError as error:
        raise Invalid("--export", f"{path} cannot be read ({error.strerror}).") from None


def load_checkpoints(settings: Settings, paths: list[Path], keys: list[str], origin: str | None) -> list[Checkpoint]:
    """Load saved checkpoints, all signed by a known key, by size. Raises Invalid."""
    if not paths:
        return []
    with explain_option_errors("--key"):
        verifiers = [Verifier.from_text(text) for text in keys]
    verifiers += [signer.verifier for signer in load_signers(settings, origin)]
    if not verifiers:
        raise Invalid("--key", "The secret keys are not here, so say which key signed the checkpoints.")
    loaded = []
    for path in paths:
        with explain_option_errors("--checkpoint", path):
            loaded += checkpoints.read_checkpoints(read_checkpoint_file(path), verifiers)
    return sorted(loaded, key=lambda loaded_checkpoint: loaded_checkpoint.size)


def read_checkpoint_file(path: Path) -> bytes:
    """Read a checkpoint file. Raises BadCheckpoint when it is too large, OSError."""
    if path.stat().st_size > checkpoints.MAX_FILE_BYTES:
        raise BadCheckpoint("This is not a checkpoint: it is too large.")
    return path.read_bytes()


def load_signers(settings: Settings, origin: str | None) -> list[Signer]:
    """Load the signers of the secret keys, where those exist; never creates keys."""
    return derive_signers(origin or build_origin(settings.base_url, settings.db_schema), settings.existing_keys)


@contextmanager
def explain_option_errors(option: str, path: Path | None = None) -> Iterator[None]:
    """Turn errors into Invalid that names the option and the file."""
    location = f"{path}: " if path else ""
    try:
        yield
    except (BadCheckpoint, BadSignedNote) as error:
        raise Invalid(option, f"{location}{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}.") from None
    except OSError as error:
        raise Invalid(option, f"{location}It cannot be read ({error.strerror}).") from None


def refuse_other_content(path: Path) -> None:
    """Refuse to add to a file that holds anything but checkpoints. Raises Invalid."""
    with explain_option_errors("--output", path):
        if path.exists() and path.stat().st_size:
            parse_notes(path.read_bytes())


def append_checkpoint(path: Path, text: str) -> None:
    """Append a checkpoint to a file, atomically. Raises Invalid."""
    temporary_path = path.with_name(f".{path.name}.{os.getpid()}")
    with explain_option_errors("--output", path):
        existing = path.read_bytes() if path.exists() else b""
        try:
            with temporary_path.open("wb") as file:
                file.write((existing.rstrip(b"\n") + b"\n\n" if existing else b"") + text.encode())
                file.flush()
                os.fsync(file.fileno())
            temporary_path.replace(path)
        finally:
            temporary_path.unlink(missing_ok=True)


def print_report(report: Report, as_json: bool, root: bytes | None) -> None:
    """Print the report: every problem on a line of its own, then the totals."""
    if as_json:
        root_field = {} if root is None else {"root": to_base64(root)}
        print(json.dumps({"ok": report.is_clean, **report.to_dict(), **root_field}))
        return
    for problem in report.problems:
        print(problem)
    print("\n".join(summarize_report(report, root)))


def summarize_report(report: Report, root: bytes | None) -> Iterator[str]:
    """Yield the lines of the totals."""
    yield f"{report.checked_events} events, {report.checkpoints} checkpoints: {len(report.problems) or 'no'} problems."
    if report.read_models:
        yield ", ".join(f"{name}: {rows} differing rows" for name, rows in report.read_models.items())
    if root is not None:
        yield f"The root of these events is {to_base64(root)}."
    if report.unproven_events:
        yield f"{report.unproven_events} events are unproven: no seal or checkpoint speaks of them yet."
    if report.withheld_events:
        yield (
            f"{report.withheld_events} events are without a calendar's address: their hash is proven, and not what the "
            "export shows of them."
        )
