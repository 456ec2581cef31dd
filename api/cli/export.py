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

from api.cli.command_context import composed, console, explained
from api.cli.export_files import NotExported, Part, Sink, explained_by_disk, is_replaced, parts, stream
from api.cli.export_formats import FORMATS, KINDS, Kind, instant
from api.clock import now
from api.field_types import Instant
from api.http.validation_messages import message_of
from api.services import Oncelink
from domain.refusals import Invalid
from replay.instants import Moment, moment
from replay.parquet import ParquetFailed, write_parquet
from replay.settled import settled_now

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@dataclass(frozen=True)
class Files:
    """Where the export and its manifest go; None is standard output, and no manifest."""

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
    with explained():
        kind = KINDS[one_of("what", what, tuple(KINDS))]
        files = Files(output, beside(output) if manifest is None else manifest)
        if one_of("format", format, FORMATS) == "parquet" and output is None and sys.stdout.isatty():
            raise Invalid("format", "Parquet is not for a terminal: name a file with -o.")
        with composed() as oncelink, explained_by_disk(output):
            until = asked_moment(oncelink, as_of)
            exporting = Exporting(oncelink, what, kind, format, until.position, as_of)
            exporting.write(files)
        console.print(f"Exported {exporting.counts.total()} rows up to position {until.position}.", highlight=False)


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    """One of the words that an option knows. Raises Invalid."""
    if value not in known:
        raise Invalid(name, f"Choose {', '.join(known[:-1])} or {known[-1]}.")
    return value


def beside(output: Path | None) -> Path | None:
    """Where the manifest of a file is unless said otherwise."""
    return output.with_name(f"{output.name}.manifest.json") if output and is_replaced(output) else None


def asked_moment(oncelink: Oncelink, as_of: str | None) -> Moment:
    """Up to where to export, always a settled position. Raises Invalid naming the rule."""
    if as_of is None:
        return Moment(settled_now(oncelink.database), now())
    try:
        at = int(as_of) if as_of.isascii() and as_of.isdigit() and len(as_of) < 19 else INSTANT.validate_python(as_of)
        return moment(oncelink.database, at, now())
    except ValidationError as error:
        raise Invalid("as-of", f"{message_of(error.errors()[0])} Or send a position.") from None
    except Invalid as error:
        raise Invalid("as-of", error.message) from None


@dataclass
class Exporting:
    """One export on its way."""

    oncelink: Oncelink
    what: str
    kind: Kind
    format: str
    position: int
    as_of: str | None

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def write(self, files: Files) -> None:
        """Writes the export and its manifest. Raises NotExported, OSError, DatabaseAway."""
        replaced = [path for path in (files.output, files.manifest) if path is not None and is_replaced(path)]
        with ExitStack() as stack:
            made = {part.path: part for part in stack.enter_context(parts(*replaced))}
            sink = self.sink(stack, files.output, made)
            if self.format == "parquet":
                self.write_as_parquet(sink, files.output)
            else:
                self.write_lines(sink)
            if files.manifest is not None:
                text = json.dumps(self.manifest(sink), indent=2, ensure_ascii=False) + "\n"
                self.sink(stack, files.manifest, made).write(text.encode())

    def sink(self, stack: ExitStack, path: Path | None, made: dict[Path, Part]) -> Sink:
        """What takes the bytes for a path."""
        return made[path].sink if path is not None and path in made else stack.enter_context(stream(path))

    def write_lines(self, sink: Sink) -> None:
        """Writes row after row."""
        for line in self.kind.lines(self.counted(), self.format):
            sink.write(line.encode())

    def write_as_parquet(self, sink: Sink, output: Path | None) -> None:
        """Writes rows to a file of their own, and what DuckDB makes of it to the sink. Raises NotExported."""
        folder = Path(tempfile.gettempdir()) if output is None or not is_replaced(output) else output.parent
        lines, file = Part(folder / "rows"), Part(folder / "parquet")
        try:
            self.write_lines(lines.sink)
            lines.finish()
            write_parquet(lines.beside, file.beside, self.kind.types)
            sink.copy(file.beside)
        except ParquetFailed as error:
            raise NotExported(str(error)) from error
        finally:
            lines.discard()
            file.discard()

    def counted(self) -> Iterator[Any]:
        """The rows, counted as they pass."""
        rows: Iterable[Any] = self.kind.source(self.oncelink.database, self.position).rows()
        for row in rows:
            self.counts[row[self.kind.counted_by]] += 1
            yield row

    def manifest(self, sink: Sink) -> dict[str, Any]:
        """What was exported, and by what it can be recognised."""
        return {
            "what": self.what,
            "format": self.format,
            "as_of": self.as_of,
            "position": self.position,
            "exported_at": instant(now()),
            "rows": self.counts.total(),
            f"rows_by_{self.kind.counted_by}": dict(sorted(self.counts.items())),
            "bytes": sink.bytes,
            "sha256": sink.digest.hexdigest(),
            "checkpoint": self.oncelink.checkpoint(self.position),
        }
