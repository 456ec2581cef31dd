"""`oncelink export`: the log or the meeting log as JSON lines, CSV or Parquet, with a manifest."""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from api.cli.command_context import console, explain_errors, use_services
from api.cli.export_files import (
    NotExported,
    PendingFile,
    Sink,
    explain_disk_errors,
    is_replaced,
    open_files,
    open_stream,
)
from api.cli.export_formats import FORMATS, KINDS, ExportKind
from api.field_types import Instant
from api.http.access.entries import record_operator_access
from api.http.event_lines import format_instant
from api.http.validation_messages import explain_validation_error
from api.services import Services
from domain.refusals import Invalid
from replay.instants import PointInTime, resolve_point_in_time
from replay.parquet import ParquetError, write_parquet
from replay.settled import find_last_settled_position

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@dataclass(frozen=True)
class ExportPaths:
    """The paths of the export and its manifest; None is standard output, and no manifest."""

    output: Path | None
    manifest: Path | None


def export(
    what: Annotated[str, typer.Argument(help="events or meeting-log.")],
    format: Annotated[str, typer.Option(help="jsonl, csv or parquet.")] = "jsonl",
    as_of: Annotated[str | None, typer.Option(help="A position, or an instant such as 2026-12-01T09:00:00Z.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else standard output.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="The manifest's file; default FILE.manifest.json.")] = None,
) -> None:
    """Export the log, or the meeting log, as it is or as it was."""
    with explain_errors():
        kind = KINDS[require_choice("what", what, tuple(KINDS))]
        files = ExportPaths(output, get_manifest_path(output) if manifest is None else manifest)
        if require_choice("format", format, FORMATS) == "parquet" and output is None and sys.stdout.isatty():
            raise Invalid("format", "Parquet is not for a terminal: name a file with -o.")
        with use_services() as services, explain_disk_errors(output):
            until = resolve_as_of(services, as_of)
            record_operator_access(services, "export", what=what, format=format)
            exporter = Exporter(services, what, kind, format, until.position, as_of)
            exporter.write_export(files)
        console.print(f"Exported {exporter.counts.total()} rows up to position {until.position}.", highlight=False)


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Require one of the words that an option takes. Raises Invalid."""
    if value not in choices:
        raise Invalid(name, f"Choose {', '.join(choices[:-1])} or {choices[-1]}.")
    return value


def get_manifest_path(output: Path | None) -> Path | None:
    """Get the default path of a file's manifest."""
    return output.with_name(f"{output.name}.manifest.json") if output and is_replaced(output) else None


def resolve_as_of(services: Services, as_of: str | None) -> PointInTime:
    """Resolve the settled position to export up to. Raises Invalid naming the rule."""
    if as_of is None:
        return PointInTime(find_last_settled_position(services.database), services.clock())
    try:
        at = int(as_of) if as_of.isascii() and as_of.isdigit() and len(as_of) < 19 else INSTANT.validate_python(as_of)
        return resolve_point_in_time(services.database, at, services.clock())
    except ValidationError as error:
        raise Invalid("as-of", f"{explain_validation_error(error.errors()[0])} Or send a position.") from None
    except Invalid as error:
        raise Invalid("as-of", error.message) from None


@dataclass
class Exporter:
    """One export: writes the rows and the manifest, and counts rows."""

    services: Services
    what: str
    kind: ExportKind
    format: str
    position: int
    as_of: str | None

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def write_export(self, files: ExportPaths) -> None:
        """Write the export and its manifest. Raises NotExported, OSError, DatabaseAway."""
        replaced = [path for path in (files.output, files.manifest) if path is not None and is_replaced(path)]
        with ExitStack() as stack:
            pending_files = {
                pending_file.path: pending_file for pending_file in stack.enter_context(open_files(*replaced))
            }
            sink = self.open_sink(stack, files.output, pending_files)
            if self.format == "parquet":
                self.write_as_parquet(sink, files.output)
            else:
                self.write_lines(sink)
            if files.manifest is not None:
                text = json.dumps(self.build_manifest(sink), indent=2, ensure_ascii=False) + "\n"
                self.open_sink(stack, files.manifest, pending_files).write(text.encode())

    def open_sink(self, stack: ExitStack, path: Path | None, pending_files: dict[Path, PendingFile]) -> Sink:
        """Get the sink for a path."""
        return (
            pending_files[path].sink
            if path is not None and path in pending_files
            else stack.enter_context(open_stream(path))
        )

    def write_lines(self, sink: Sink) -> None:
        """Write row after row."""
        for line in self.kind.render_lines(self.count_rows(), self.format):
            sink.write(line.encode())

    def write_as_parquet(self, sink: Sink, output: Path | None) -> None:
        """Write rows to a temporary file, convert it with DuckDB, copy it to the sink. Raises NotExported."""
        folder = Path(tempfile.gettempdir()) if output is None or not is_replaced(output) else output.parent
        rows_file, parquet_file = PendingFile(folder / "rows"), PendingFile(folder / "parquet")
        try:
            self.write_lines(rows_file.sink)
            rows_file.finish()
            write_parquet(rows_file.temporary_path, parquet_file.temporary_path, self.kind.types)
            sink.copy(parquet_file.temporary_path)
        except ParquetError as error:
            raise NotExported(str(error)) from error
        finally:
            rows_file.discard()
            parquet_file.discard()

    def count_rows(self) -> Iterator[Any]:
        """Yield the rows and count them."""
        rows: Iterable[Any] = self.kind.source(self.services.database, self.position).iterate_rows()
        for row in rows:
            self.counts[row[self.kind.count_by]] += 1
            yield row

    def build_manifest(self, sink: Sink) -> dict[str, Any]:
        """Build the manifest: what was exported, row counts, size, SHA-256 and checkpoint."""
        return {
            "what": self.what,
            "format": self.format,
            "as_of": self.as_of,
            "position": self.position,
            "exported_at": format_instant(self.services.clock()),
            "rows": self.counts.total(),
            f"rows_by_{self.kind.count_by}": dict(sorted(self.counts.items())),
            "bytes": sink.bytes,
            "sha256": sink.digest.hexdigest(),
            "checkpoint": self.services.take_checkpoint(self.position),
        }
